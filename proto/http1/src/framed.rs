//! The reading half of a connection, as hyper sees it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

use crate::framing::Framing;

const READ_BUFFER: usize = 16 * 1024;

/// Validates requests before hyper reads them. It replaces an ambiguous head by one from which
/// [`fault`](crate::fault()) returns the error.
#[derive(Debug)]
pub struct Framed<R> {
    reader: R,
    framing: Framing,
    arrived: Box<[u8]>,
    /// The readable bytes, starting at `at`.
    passed: Vec<u8>,
    at: usize,
}

impl<R> Framed<R> {
    /// Wraps `reader`.
    pub fn new(reader: R) -> Self {
        let arrived = vec![0; READ_BUFFER].into_boxed_slice();
        Self { reader, framing: Framing::default(), arrived, passed: Vec::new(), at: 0 }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Framed<R> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { reader, framing, arrived, passed, at } = self.get_mut();
        while *at == passed.len() {
            if let Some(fault) = framing.broken() {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, fault)));
            }
            passed.clear();
            *at = 0;
            let mut read = ReadBuf::new(arrived);
            ready!(Pin::new(&mut *reader).poll_read(cx, &mut read))?;
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
