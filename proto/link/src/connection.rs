//! A worker's connection. The worker must be admitted within a short time and few bytes, and the
//! connection is closed with its link.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use cortex_platform::write_timeout::WriteTimeout;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;
use tonic::transport::server::Connected;

use super::admission::{Admission, ConnectionEnd};
use super::connections::Entry;
use super::hello::MAX_HELLO;

/// How many bytes are read from a peer that is not admitted: the longest hello and its overhead.
const MAX_UNADMITTED_BYTES: usize = MAX_HELLO + 64 * 1024;

/// A byte stream that carries frames.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection of one worker. It ends in time even if its peer reads nothing, because every poll
/// checks the clock.
pub(crate) struct Connection {
    stream: WriteTimeout<Box<dyn Stream>>,
    end: ConnectionEnd,
    unadmitted_bytes: usize,
    _entry: Entry,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    pub(crate) fn new(
        stream: impl Stream + 'static,
        end: ConnectionEnd,
        entry: Entry,
        place: OwnedSemaphorePermit,
    ) -> Self {
        let stream = WriteTimeout::new(Box::new(stream) as Box<dyn Stream>);
        Self { stream, end, unadmitted_bytes: 0, _entry: entry, _place: place }
    }

    /// Returns the stream, unless the connection is over.
    fn open(&mut self, cx: &mut Context<'_>) -> io::Result<Pin<&mut WriteTimeout<Box<dyn Stream>>>> {
        match self.end.poll(cx) {
            Poll::Ready(over) => Err(over),
            Poll::Pending => Ok(Pin::new(&mut self.stream)),
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = into.filled().len();
        ready!(this.open(cx)?.poll_read(cx, into))?;
        if !this.end.admission().was_admitted() {
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
        self.get_mut().open(cx)?.poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().open(cx)?.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().open(cx)?.poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().open(cx)?.poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl Connected for Connection {
    type ConnectInfo = Arc<Admission>;

    fn connect_info(&self) -> Arc<Admission> {
        Arc::clone(self.end.admission())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cortex_platform::write_timeout::STALL_TIMEOUT;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::sync::Semaphore;
    use tokio::time::Instant;

    use super::super::admission::{ADMISSION_TIMEOUT, CLOSE_DELAY};
    use super::super::connections::{Connections, Source};
    use super::*;

    /// How much the system buffers for a peer that does not read.
    const SYSTEM_BUFFER: usize = 4 << 20;

    fn connection() -> (DuplexStream, Connection, Arc<Admission>) {
        let place = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let (peer, end) = duplex(SYSTEM_BUFFER);
        let (admission, entry) = Connections::default().enter(Source::Local);
        (peer, Connection::new(end, ConnectionEnd::of(Arc::clone(&admission)), entry, place), admission)
    }

    /// Writes more than the peer accepts.
    async fn write(connection: &mut Connection) -> (io::ErrorKind, Duration) {
        let began = Instant::now();
        let error = connection.write_all(&vec![0; SYSTEM_BUFFER + 1]).await.unwrap_err();
        (error.kind(), began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_is_not_admitted_in_time_is_cut_off() {
        let (_peer, mut connection, _) = connection();
        let began = Instant::now();
        assert_eq!(connection.read(&mut [0; 8]).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(began.elapsed(), ADMISSION_TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_is_not_admitted_and_never_reads_is_cut_off_in_the_same_time() {
        let (_peer, mut connection, _) = connection();
        assert_eq!(write(&mut connection).await, (io::ErrorKind::TimedOut, ADMISSION_TIMEOUT));
        assert_eq!(connection.flush().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(connection.shutdown().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn an_admitted_peer_that_never_reads_is_cut_off_too() {
        let (_peer, mut connection, admission) = connection();
        admission.admit();
        let (kind, after) = write(&mut connection).await;
        assert_eq!((kind, after.as_secs()), (io::ErrorKind::TimedOut, STALL_TIMEOUT.as_secs()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_closed_while_its_peer_does_not_read() {
        let (_peer, mut connection, admission) = connection();
        admission.admit();
        let writing = tokio::spawn(async move { write(&mut connection).await });
        tokio::task::yield_now().await;
        admission.close();
        assert_eq!(writing.await.unwrap(), (io::ErrorKind::ConnectionAborted, CLOSE_DELAY));
    }

    #[tokio::test(start_paused = true)]
    async fn an_admitted_peer_may_be_silent_until_its_connection_is_closed() {
        let (_peer, mut connection, admission) = connection();
        admission.admit();
        let silent = tokio::time::timeout(10 * ADMISSION_TIMEOUT, connection.read(&mut [0; 8])).await;
        assert!(silent.is_err());
        admission.cut();
        let error = connection.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
    }

    #[tokio::test]
    async fn a_peer_that_is_not_admitted_may_send_little() {
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
