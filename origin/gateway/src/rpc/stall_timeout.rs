//! Ends responses that the client does not read. Over HTTP/2, a peer can read its connection and
//! still block the response of one call, which the timeout of the socket does not detect.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use cortex_platform::write_timeout::STALL_TIMEOUT;
use hyper::body::{Body as _, Frame};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Maximum size of a chunk. The transport buffers this much of an unread response, and no more.
const MAX_CHUNK_BYTES: usize = 64 * 1024;

/// Ends a response once the client has read nothing for [`STALL_TIMEOUT`].
pub(super) async fn apply(answer: Response) -> Response {
    answer.map(|body| Body::new(StallTimeoutBody::new(body)))
}

#[derive(Debug)]
struct StallTimeoutBody {
    state: Arc<Mutex<State>>,
    _dropped: DropGuard,
}

#[derive(Debug)]
struct State {
    /// `None` after the timeout.
    body: Option<Body>,
    /// The part of the last message that was not passed on.
    rest: Bytes,
    /// Since when the transport accepts no more data. `None` while it does.
    blocked_since: Option<Instant>,
}

impl StallTimeoutBody {
    fn new(body: Body) -> Self {
        let state = State { body: Some(body), rest: Bytes::new(), blocked_since: Some(Instant::now()) };
        let (state, dropped) = (Arc::new(Mutex::new(state)), CancellationToken::new());
        tokio::spawn(dropped.clone().run_until_cancelled_owned(drop_after_timeout(Arc::clone(&state))));
        Self { state, _dropped: dropped.drop_guard() }
    }
}

/// Drops the body once the transport has accepted no data for too long.
async fn drop_after_timeout(state: Arc<Mutex<State>>) {
    loop {
        let waited = lock(&state).blocked_since.map(|since| since.elapsed()).unwrap_or_default();
        match STALL_TIMEOUT.checked_sub(waited) {
            Some(rest) if !rest.is_zero() => tokio::time::sleep(rest).await,
            _ => break,
        }
    }
    let mut state = lock(&state);
    (state.body, state.rest) = (None, Bytes::new());
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    fn next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            let Some(body) = &mut self.body else {
                return Poll::Ready(Some(Err(axum::Error::new(
                    "the client does not read: the response timed out",
                ))));
            };
            match std::task::ready!(Pin::new(body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            }
        }
        let piece = self.rest.split_to(self.rest.len().min(MAX_CHUNK_BYTES));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}

impl hyper::body::Body for StallTimeoutBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let mut state = lock(&self.state);
        let next = state.next(context);
        state.blocked_since = next.is_ready().then(Instant::now);
        next
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::stream;
    use http_body_util::BodyExt;

    use super::*;

    async fn timed(body: Body) -> Body {
        apply(Response::new(body)).await.into_body()
    }

    #[tokio::test(start_paused = true)]
    async fn a_response_that_the_client_stops_reading_is_ended() {
        let (kept, gone) = (Arc::new(()), Bytes::from(vec![0; 4 * MAX_CHUNK_BYTES]));
        let watched = Arc::downgrade(&kept);
        let pieces = stream::once(async move {
            let _kept = kept;
            Ok::<_, axum::Error>(gone)
        });
        let mut body = timed(Body::from_stream(pieces)).await;
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap().len(), MAX_CHUNK_BYTES);
        tokio::time::sleep(STALL_TIMEOUT - Duration::from_secs(1)).await;
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap().len(), MAX_CHUNK_BYTES);
        tokio::time::sleep(STALL_TIMEOUT + Duration::from_secs(1)).await;
        assert!(watched.upgrade().is_none(), "the body is dropped");
        assert!(body.frame().await.unwrap().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_response_that_the_transport_never_reads_is_ended() {
        let mut body = timed(Body::from(vec![0; MAX_CHUNK_BYTES])).await;
        tokio::time::sleep(STALL_TIMEOUT + Duration::from_secs(1)).await;
        assert!(body.frame().await.unwrap().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_stream_does_not_time_out() {
        let quiet = stream::unfold(0, |sent| async move {
            tokio::time::sleep(10 * STALL_TIMEOUT).await;
            (sent < 3).then_some((Ok::<_, axum::Error>(Bytes::from_static(b"x")), sent + 1))
        });
        let body = timed(Body::from_stream(quiet)).await;
        assert_eq!(body.collect().await.unwrap().to_bytes(), "xxx");
    }

    #[tokio::test]
    async fn a_response_that_is_read_arrives_whole() {
        let whole = Bytes::from((0..3 * MAX_CHUNK_BYTES + 1).map(|n| n as u8).collect::<Vec<_>>());
        assert_eq!(timed(Body::from(whole.clone())).await.collect().await.unwrap().to_bytes(), whole);
        assert!(timed(Body::empty()).await.collect().await.unwrap().to_bytes().is_empty());
    }
}
