//! A connection whose requests are looked at by [`Framing`] before the HTTP library reads them.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::framing::Framing;

const READ: usize = 16 * 1024;

/// Reads through [`Framing`]; writes go through as they are.
#[derive(Debug)]
pub(crate) struct Framed<S> {
    stream: S,
    framing: Framing,
    arrived: Box<[u8]>,
    /// What may be read, from `at` on.
    passed: Vec<u8>,
    at: usize,
}

impl<S> Framed<S> {
    pub(crate) fn new(stream: S) -> Self {
        let arrived = vec![0; READ].into_boxed_slice();
        Self { stream, framing: Framing::default(), arrived, passed: Vec::new(), at: 0 }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Framed<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { stream, framing, arrived, passed, at } = self.get_mut();
        while *at == passed.len() {
            passed.clear();
            *at = 0;
            let mut read = ReadBuf::new(arrived);
            ready!(Pin::new(&mut *stream).poll_read(cx, &mut read))?;
            if read.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            framing.take(read.filled(), passed);
        }
        let taken = into.remaining().min(passed.len() - *at);
        into.put_slice(&passed[*at..*at + taken]);
        *at += taken;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Framed<S> {
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
