//! The connections of a gRPC server: a limited number, each of which must send its preface and read
//! its responses in time.
//!
//! HTTP/2 pings a silent peer, but only after its preface. Until then nothing else would end an
//! idle connection. While a peer does not read, the server does not read from it either, and the
//! write timeout ends the connection.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::stream::{self, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;
use tonic::transport::server::Connected;

use crate::write_timeout::WriteTimeout;

/// How long the preface may take, and its length in bytes.
const PREFACE_TIMEOUT: Duration = Duration::from_secs(10);
const PREFACE: usize = 24;
/// How long to wait after a failed accept, usually because of a lack of file descriptors.
const ACCEPT_RETRY_INTERVAL: Duration = Duration::from_millis(50);

/// A connection that counts against the limit.
#[derive(Debug)]
pub struct Incoming<S> {
    stream: WriteTimeout<S>,
    opening: Option<Opening>,
    _place: OwnedSemaphorePermit,
}

#[derive(Debug)]
struct Opening {
    missing: usize,
    deadline: Pin<Box<Sleep>>,
}

/// Accepts at most `most` connections. Further ones wait in the system's queue.
pub fn incoming(listener: TcpListener, most: usize) -> impl Stream<Item = io::Result<Incoming<TcpStream>>> {
    let places = Arc::new(Semaphore::new(most));
    stream::unfold((listener, places), |(listener, places)| async move {
        let place = places.clone().acquire_owned().await.ok()?;
        let stream = loop {
            match listener.accept().await {
                Ok((stream, _)) => break stream,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_RETRY_INTERVAL).await;
                }
            }
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY was not set");
        }
        Some((Ok(Incoming::new(stream, place)), (listener, places)))
    })
}

impl<S> Incoming<S> {
    fn new(stream: S, place: OwnedSemaphorePermit) -> Self {
        let deadline = Box::pin(tokio::time::sleep(PREFACE_TIMEOUT));
        Self {
            stream: WriteTimeout::new(stream),
            opening: Some(Opening { missing: PREFACE, deadline }),
            _place: place,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Incoming<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Some(opening) = &mut this.opening
            && opening.deadline.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let before = into.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, into))?;
        let read = into.filled().len() - before;
        this.opening = this
            .opening
            .take()
            .filter(|opening| opening.missing > read)
            .map(|opening| Opening { missing: opening.missing - read, ..opening });
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Incoming<S> {
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

impl<S> Connected for Incoming<S> {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;
    use crate::write_timeout::STALL_TIMEOUT;

    fn place() -> OwnedSemaphorePermit {
        Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_a_preface_is_closed() {
        for sent in [&b""[..], b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r"] {
            let (mut peer, incoming) = duplex(64);
            let mut incoming = Incoming::new(incoming, place());
            peer.write_all(sent).await.unwrap();
            let mut read = vec![0; sent.len()];
            incoming.read_exact(&mut read).await.unwrap();
            let began = tokio::time::Instant::now();
            assert_eq!(incoming.read(&mut [0; 8]).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
            assert_eq!(began.elapsed(), PREFACE_TIMEOUT);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_after_its_preface_may_be_silent() {
        let (mut peer, incoming) = duplex(64);
        let mut incoming = Incoming::new(incoming, place());
        peer.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        incoming.read_exact(&mut [0; PREFACE]).await.unwrap();
        let mut next = [0; 1];
        let silent = tokio::time::timeout(10 * PREFACE_TIMEOUT, incoming.read(&mut next));
        assert!(silent.await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_never_reads_is_closed() {
        let (_peer, incoming) = duplex(64);
        let mut incoming = Incoming::new(incoming, place());
        let began = tokio::time::Instant::now();
        assert_eq!(incoming.write_all(&[0; 65]).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(began.elapsed().as_secs(), STALL_TIMEOUT.as_secs());
    }

    #[tokio::test]
    async fn a_slot_is_free_again_once_its_connection_is_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut incoming = std::pin::pin!(incoming(listener, 1));
        let _peers = (TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap());
        let first = incoming.next().await.unwrap().unwrap();
        let mut second = incoming.next();
        assert!(futures::poll!(&mut second).is_pending());
        drop(first);
        assert!(second.await.unwrap().is_ok());
    }
}
