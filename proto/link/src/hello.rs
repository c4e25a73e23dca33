//! A worker's first frame, which identifies it in few bytes before anything else is read.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use cortex_domain::worker::Heartbeat;
use cortex_wire::link::UpFrame;
use cortex_wire::v1;
use http_body::Frame;
use tokio::time::timeout;
use tonic::body::Body;
use tonic::codegen::http::Request;
use tonic::{Status, Streaming};

/// How long a worker may take to send its hello.
const HELLO_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest hello, in bytes. It suffices for a worker that reconnects with as many leases as it
/// can hold.
pub(crate) const MAX_HELLO: usize = 256 * 1024;
/// A gRPC message starts with a flag and its length (four bytes, big-endian).
const PREFIX: usize = 5;

/// Reads the hello: the token and the worker's description.
pub(super) async fn hello(frames: &mut Streaming<v1::Up>) -> Result<(String, Heartbeat), Status> {
    let late = |_| Status::deadline_exceeded("the worker did not send a hello frame in time");
    let first = timeout(HELLO_TIMEOUT, frames.message()).await.map_err(late)??;
    let first = first.ok_or_else(|| Status::invalid_argument("missing hello frame"))?;
    match UpFrame::try_from(first).map_err(|error| Status::invalid_argument(error.to_string()))? {
        UpFrame::Hello { token, worker } => Ok((token, worker)),
        _ => Err(Status::invalid_argument("the first frame must be a hello")),
    }
}

/// Bounds the first message of a request. The decoder's limit is that of a payload, and it
/// allocates the announced length, which is too much for a peer that is not admitted.
pub(super) fn bounded(request: Request<Body>) -> Request<Body> {
    request.map(|body| Body::new(FirstMessageLimit { body, prefix: Vec::with_capacity(PREFIX) }))
}

/// A body that fails if its first message is too long.
struct FirstMessageLimit {
    body: Body,
    /// The received part of the first message's prefix.
    prefix: Vec<u8>,
}

impl FirstMessageLimit {
    fn check(&mut self, data: &[u8]) -> Result<(), Status> {
        let missing = PREFIX - self.prefix.len();
        if missing == 0 {
            return Ok(());
        }
        self.prefix.extend(data.iter().take(missing));
        let [_, length @ ..] = self.prefix.as_slice() else { return Ok(()) };
        let Ok(length) = length.try_into().map(u32::from_be_bytes) else { return Ok(()) };
        if usize::try_from(length).is_ok_and(|length| length <= MAX_HELLO) {
            return Ok(());
        }
        Err(Status::invalid_argument(format!(
            "the hello frame has {length} bytes (expected at most \
            {MAX_HELLO})"
        )))
    }
}

impl http_body::Body for FirstMessageLimit {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        let Some(frame) = ready!(Pin::new(&mut this.body).poll_frame(cx)?) else { return Poll::Ready(None) };
        if let Some(data) = frame.data_ref() {
            this.check(data)?;
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}

#[cfg(test)]
mod tests {
    use cortex_domain::id::{DispatchId, JobId};
    use cortex_domain::state::{Attempt, Lease};
    use cortex_domain::time::Timestamp;
    use cortex_domain::worker::HeldLease;
    use cortex_wire::encode_heartbeat;

    use super::*;

    /// A worker's largest capacity (`cortex-worker --capacity`).
    const MAX_CAPACITY: usize = 4096;

    fn check(parts: &[&[u8]]) -> Result<(), Status> {
        let mut first = FirstMessageLimit { body: Body::empty(), prefix: Vec::new() };
        parts.iter().try_for_each(|part| first.check(part))
    }

    #[test]
    fn the_first_message_is_bounded_however_its_prefix_is_cut_and_later_ones_are_not() {
        let longest = u32::try_from(MAX_HELLO).unwrap().to_be_bytes();
        let longer = u32::try_from(MAX_HELLO + 1).unwrap().to_be_bytes();
        assert!(check(&[&[0], &longest]).is_ok());
        assert!(check(&[&[0], &longer]).is_err());
        assert!(check(&[&[0], &longer[..2], &[], &longer[2..]]).is_err());
        assert!(check(&[&[0], &longest[..3], &longest[3..], &[0], &longer]).is_ok());
        let error = check(&[&[0, 255, 255, 255, 255]]).unwrap_err();
        assert_eq!(error.message(), "the hello frame has 4294967295 bytes (expected at most 262144)");
    }

    #[test]
    fn a_worker_with_its_largest_capacity_fits_into_a_hello() {
        let held = |n: usize| HeldLease {
            job: JobId::mint(Timestamp::from_millis(u64::MAX >> 16), [255; 10]),
            lease: Lease {
                attempt: Attempt(u32::try_from(n).unwrap()),
                dispatch: DispatchId::new([255; 16]),
            },
        };
        let full =
            Heartbeat { held: (0..MAX_CAPACITY).map(held).collect(), ..crate::tests::origin::worker("w1") };
        let room = MAX_HELLO - encode_heartbeat(&full).len();
        assert!(room > 16 * 1024, "{room} bytes are left for its models and labels");
    }
}
