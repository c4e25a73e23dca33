//! A socket that fails if its peer reads too slowly, so that no response is kept for a client that
//! does not read.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// How long a peer may read nothing while bytes are waiting.
pub const STALL_TIMEOUT: Duration = Duration::from_secs(30);
/// How much a peer must read in that time if bytes keep waiting. A byte now and then does not keep
/// the connection alive.
const MIN_PROGRESS: usize = 1024 * 1024;
const MAX_WRITE_TIME: Duration = Duration::from_secs(600);

/// A socket with a limit on how long written bytes may wait.
#[derive(Debug)]
pub struct WriteTimeout<S> {
    socket: S,
    /// Set while the socket has accepted less than was written.
    blocked: Option<Blocked>,
}

#[derive(Debug)]
struct Blocked {
    stalled: Pin<Box<Sleep>>,
    slow: Pin<Box<Sleep>>,
    taken: usize,
}

impl<S> WriteTimeout<S> {
    #[must_use]
    pub fn new(socket: S) -> Self {
        Self { socket, blocked: None }
    }

    /// Returns the result of a write, unless bytes have waited too long.
    fn watch<T>(
        &mut self,
        context: &mut Context<'_>,
        went: Poll<io::Result<T>>,
        taken: impl Fn(&T) -> usize,
    ) -> Poll<io::Result<T>> {
        let now = Instant::now();
        match &went {
            Poll::Pending => {
                let blocked = self.blocked.get_or_insert_with(|| Blocked::since(now));
                if blocked.is_over(context) {
                    return Poll::Ready(Err(io::Error::new(
                        io::ErrorKind::TimedOut,
                        "the peer does not read: write timed out",
                    )));
                }
            }
            Poll::Ready(Ok(went)) => {
                if let Some(blocked) = &mut self.blocked {
                    blocked.take(taken(went), now);
                }
            }
            Poll::Ready(Err(_)) => {}
        }
        went
    }
}

impl Blocked {
    fn since(now: Instant) -> Self {
        let at = |wait| Box::pin(sleep_until(now + wait));
        Self { stalled: at(STALL_TIMEOUT), slow: at(MAX_WRITE_TIME), taken: 0 }
    }

    fn take(&mut self, bytes: usize, now: Instant) {
        self.taken += bytes;
        if bytes > 0 {
            self.stalled.as_mut().reset(now + STALL_TIMEOUT);
        }
        if self.taken >= MIN_PROGRESS {
            self.taken = 0;
            self.slow.as_mut().reset(now + MAX_WRITE_TIME);
        }
    }

    fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        // Both timers are polled, so that either wakes the writer.
        let (stalled, slow) = (self.stalled.as_mut().poll(context), self.slow.as_mut().poll(context));
        stalled.is_ready() || slow.is_ready()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteTimeout<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteTimeout<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let went = Pin::new(&mut self.socket).poll_write(context, bytes);
        self.watch(context, went, |taken| *taken)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let went = Pin::new(&mut self.socket).poll_write_vectored(context, slices);
        self.watch(context, went, |taken| *taken)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    /// A flush succeeds once all waiting bytes were accepted.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let went = Pin::new(&mut self.socket).poll_flush(context);
        let went = self.watch(context, went, |()| 0);
        if went.is_ready() {
            self.blocked = None;
        }
        went
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let went = Pin::new(&mut self.socket).poll_shutdown(context);
        self.watch(context, went, |()| 0)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
    use tokio::task::JoinHandle;
    use tokio::time::sleep;

    use super::*;

    /// Returns a peer, and a task that writes this number of bytes to it.
    fn writing(bytes: usize) -> (DuplexStream, JoinHandle<io::Result<()>>) {
        let (socket, peer) = tokio::io::duplex(1024);
        let mut socket = WriteTimeout::new(socket);
        let writing = tokio::spawn(async move {
            socket.write_all(&vec![0; bytes]).await?;
            socket.flush().await?;
            // Bytes that were accepted completely do not wait.
            sleep(10 * MAX_WRITE_TIME).await;
            socket.write_all(b"more").await
        });
        (peer, writing)
    }

    fn timed_out(written: io::Result<()>) -> bool {
        written.is_err_and(|error| error.kind() == io::ErrorKind::TimedOut)
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_reads_nothing_is_disconnected() {
        let began = Instant::now();
        let (_peer, writing) = writing(1025);
        assert!(timed_out(writing.await.unwrap()));
        assert_eq!(began.elapsed().as_secs(), STALL_TIMEOUT.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_stops_reading_in_the_middle_is_disconnected() {
        let began = Instant::now();
        let (mut peer, writing) = writing(1 << 20);
        peer.read_exact(&mut vec![0; 1 << 19]).await.unwrap();
        sleep(STALL_TIMEOUT / 2).await;
        peer.read_exact(&mut [0; 1]).await.unwrap();
        assert!(timed_out(writing.await.unwrap()));
        assert_eq!(began.elapsed().as_secs(), (STALL_TIMEOUT + STALL_TIMEOUT / 2).as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn an_occasional_byte_does_not_keep_a_connection_alive() {
        let began = Instant::now();
        let (mut peer, writing) = writing(1 << 20);
        let trickle = tokio::spawn(async move {
            loop {
                sleep(STALL_TIMEOUT / 2).await;
                if peer.read_exact(&mut [0; 1]).await.is_err() {
                    return;
                }
            }
        });
        assert!(timed_out(writing.await.unwrap()));
        assert_eq!(began.elapsed().as_secs(), MAX_WRITE_TIME.as_secs());
        trickle.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_gets_everything_and_an_idle_one_stays_connected() {
        let (mut peer, writing) = writing(4 << 20);
        let mut piece = vec![0; 64 * 1024];
        for _ in 0..64 {
            sleep(STALL_TIMEOUT - Duration::from_secs(1)).await;
            peer.read_exact(&mut piece).await.unwrap();
        }
        let mut more = [0; 4];
        peer.read_exact(&mut more).await.unwrap();
        assert_eq!(&more, b"more");
        writing.await.unwrap().unwrap();
    }
}
