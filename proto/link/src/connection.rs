//! A worker's connection, which has to prove itself soon, with few bytes, and is closed with its link.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use cortex_wire::MAX_PACKET;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Sleep;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::Connected;

/// How long a peer has, from the start of its connection, to be admitted by its token.
pub(crate) const ADMISSION_TIMEOUT: Duration = Duration::from_secs(15);
/// How many bytes are read of a peer that is not admitted: the longest hello and what goes around it.
const MAX_UNADMITTED_BYTES: usize = MAX_PACKET + 64 * 1024;

/// Whether a connection's worker was let in.
#[derive(Debug)]
pub(crate) struct Admission {
    admitted: AtomicBool,
    /// Its place among those that wait to be admitted.
    waiting: Mutex<Option<OwnedSemaphorePermit>>,
    closed: CancellationToken,
}

impl Admission {
    pub(crate) fn new(waiting: Option<OwnedSemaphorePermit>) -> Arc<Self> {
        let (admitted, closed) = (AtomicBool::new(false), CancellationToken::new());
        Arc::new(Self { admitted, waiting: Mutex::new(waiting), closed })
    }

    /// The worker has proved itself.
    pub(crate) fn admit(&self) {
        self.admitted.store(true, Ordering::Release);
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Closes the connection.
    pub(crate) fn close(&self) {
        self.closed.cancel();
    }

    fn is_admitted(&self) -> bool {
        self.admitted.load(Ordering::Acquire)
    }
}

/// A stream of bytes that frames go over.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection of one worker.
pub(crate) struct Connection {
    stream: Box<dyn Stream>,
    admission: Arc<Admission>,
    deadline: Pin<Box<Sleep>>,
    closed: Pin<Box<WaitForCancellationFutureOwned>>,
    unadmitted_bytes: usize,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    /// `deadline` is when the peer has to be admitted.
    pub(crate) fn new(
        stream: impl Stream + 'static,
        admission: Arc<Admission>,
        deadline: tokio::time::Instant,
        place: OwnedSemaphorePermit,
    ) -> Self {
        Self {
            stream: Box::new(stream),
            deadline: Box::pin(tokio::time::sleep_until(deadline)),
            closed: Box::pin(admission.closed.clone().cancelled_owned()),
            admission,
            unadmitted_bytes: 0,
            _place: place,
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.closed.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let admitted = this.admission.is_admitted();
        if !admitted && this.deadline.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let before = into.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, into))?;
        if !admitted {
            this.unadmitted_bytes += into.filled().len() - before;
            if this.unadmitted_bytes > MAX_UNADMITTED_BYTES {
                return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl Connected for Connection {
    type ConnectInfo = Arc<Admission>;

    fn connect_info(&self) -> Arc<Admission> {
        Arc::clone(&self.admission)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::sync::Semaphore;
    use tokio::time::Instant;

    use super::*;

    fn connection() -> (DuplexStream, Connection, Arc<Admission>) {
        let place = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let (peer, door) = duplex(4 << 20);
        let admission = Admission::new(None);
        let deadline = Instant::now() + ADMISSION_TIMEOUT;
        (peer, Connection::new(door, Arc::clone(&admission), deadline, place), admission)
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_is_not_admitted_in_time_is_cut_off() {
        let (_peer, mut connection, _) = connection();
        let began = Instant::now();
        assert_eq!(connection.read(&mut [0; 8]).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(began.elapsed(), ADMISSION_TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn an_admitted_peer_may_be_silent_until_its_connection_is_closed() {
        let (_peer, mut connection, admission) = connection();
        admission.admit();
        let silent = tokio::time::timeout(10 * ADMISSION_TIMEOUT, connection.read(&mut [0; 8])).await;
        assert!(silent.is_err());
        admission.close();
        let error = connection.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
    }

    #[tokio::test]
    async fn a_peer_that_is_not_admitted_may_say_little() {
        let (mut peer, mut connection, _) = connection();
        peer.write_all(&vec![7; MAX_UNADMITTED_BYTES + 1]).await.unwrap();
        let mut read = vec![0; MAX_UNADMITTED_BYTES + 1];
        assert_eq!(connection.read_exact(&mut read).await.unwrap_err().kind(), io::ErrorKind::InvalidData);

        let (mut peer, mut connection, admission) = self::connection();
        admission.admit();
        peer.write_all(&read).await.unwrap();
        connection.read_exact(&mut read).await.unwrap();
    }
}
