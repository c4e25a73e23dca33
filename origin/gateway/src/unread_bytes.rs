//! Limits the bytes of responses that clients have not read, per tenant and in total, for all
//! routes.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use cortex_api::Problem;
use cortex_domain::ErrorCode;
use cortex_domain::id::Tenant;
use hyper::body::{Body as _, Frame, SizeHint};

use crate::limits;

/// Smaller responses don't count, because the number of connections limits them.
const MIN_COUNTED_BYTES: u64 = 64 * 1024;

/// The limits and the unread bytes. Clones share the count.
#[derive(Clone, Debug)]
pub(crate) struct UnreadBytes {
    limit: limits::SharedLimit,
    counts: Arc<Mutex<Counts>>,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    tenants: HashMap<Tenant, usize>,
}

/// The unread bytes of one response, until it is sent or dropped.
#[derive(Debug)]
struct UnreadShare {
    unread: UnreadBytes,
    tenant: Tenant,
    bytes: usize,
}

impl UnreadBytes {
    pub(crate) fn new(limit: limits::SharedLimit) -> Self {
        Self { limit, counts: Arc::default() }
    }

    /// Counts a tenant's response until it is read. A streamed response doesn't count, because it
    /// limits its buffer itself.
    ///
    /// # Errors
    /// Returns an error if the tenant or all tenants together have too many unread bytes. The
    /// response is then dropped.
    pub(crate) fn count(&self, tenant: &Tenant, answer: Response) -> Result<Response, Problem> {
        let bytes = answer.body().size_hint().exact().filter(|bytes| *bytes > MIN_COUNTED_BYTES);
        let Some(bytes) = bytes else { return Ok(answer) };
        let share = self.take(tenant, usize::try_from(bytes).unwrap_or(usize::MAX))?;
        Ok(answer.map(|body| Body::new(CountedBody { body, share: Arc::new(share) })))
    }

    fn take(&self, tenant: &Tenant, bytes: usize) -> Result<UnreadShare, Problem> {
        let mut counts = self.counts();
        let own = counts.tenants.get(tenant).copied().unwrap_or_default().saturating_add(bytes);
        let all = counts.all.saturating_add(bytes);
        if own > self.limit.of_tenant || all > self.limit.all {
            let detail = "too many responses are unread: read the open ones, then try again";
            return Err(Problem::new(ErrorCode::Overloaded, detail).retry_after(Duration::from_secs(1)));
        }
        counts.all = all;
        counts.tenants.insert(tenant.clone(), own);
        drop(counts);
        Ok(UnreadShare { unread: self.clone(), tenant: tenant.clone(), bytes })
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for UnreadShare {
    fn drop(&mut self) {
        let mut counts = self.unread.counts();
        counts.all -= self.bytes;
        if let Entry::Occupied(mut own) = counts.tenants.entry(self.tenant.clone()) {
            *own.get_mut() -= self.bytes;
            if *own.get() == 0 {
                own.remove();
            }
        }
    }
}

/// A body that counts until it is dropped. Its chunks count too, because a transport takes a whole
/// response and buffers it.
#[derive(Debug)]
struct CountedBody {
    body: Body,
    share: Arc<UnreadShare>,
}

struct CountedChunk {
    bytes: Bytes,
    _share: Arc<UnreadShare>,
}

impl AsRef<[u8]> for CountedChunk {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl hyper::body::Body for CountedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let counted = |bytes| Bytes::from_owner(CountedChunk { bytes, _share: Arc::clone(&self.share) });
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(counted))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;
    use http_body_util::BodyExt;

    use super::*;

    const LARGE: usize = 1024 * 1024;

    fn answer(bytes: usize) -> Response {
        vec![b'x'; bytes].into_response()
    }

    fn unread() -> UnreadBytes {
        UnreadBytes::new(limits::SharedLimit { all: 3 * LARGE, of_tenant: 2 * LARGE })
    }

    #[tokio::test]
    async fn unread_responses_of_a_tenant_are_limited_and_leave_room_for_others() {
        let unread = unread();
        let count = |tenant: &str, bytes| unread.count(&tenant.parse().unwrap(), answer(bytes));
        let mut kept = vec![count("a", LARGE).unwrap(), count("a", LARGE).unwrap()];
        assert_eq!(count("a", LARGE).unwrap_err().kind, ErrorCode::Overloaded);
        kept.push(count("b", LARGE).unwrap());
        assert_eq!(count("b", LARGE).unwrap_err().kind, ErrorCode::Overloaded, "the total limit is reached");
        assert!(count("a", 1024).is_ok(), "a small one does not count");
        let read = kept.remove(0).into_body().collect().await.unwrap().to_bytes();
        assert_eq!(read.len(), LARGE);
        assert!(count("a", LARGE).is_err(), "its bytes still count");
        drop(read);
        kept.push(count("a", LARGE).unwrap());
        drop(kept);
        let counts = unread.counts();
        assert!(counts.all == 0 && counts.tenants.is_empty());
    }

    #[test]
    fn a_counted_response_keeps_its_length() {
        let counted = unread().count(&"a".parse().unwrap(), answer(LARGE)).unwrap();
        assert_eq!(counted.body().size_hint().exact(), Some(LARGE as u64));
    }
}
