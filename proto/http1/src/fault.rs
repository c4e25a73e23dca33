//! What may be wrong with a request, in the words that its sender reads.

use crate::head::MAX_HEADERS;

/// Why a request is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    #[error("the head has more than {limit} bytes")]
    HeadTooLong { limit: usize },
    #[error("the head has more than {MAX_HEADERS} headers")]
    TooManyHeaders,
    /// An LF without a CR before it, or a CR without an LF behind it; within a chunk's size it is [`Self::ChunkSize`].
    #[error("a line does not end with CR and LF")]
    BareLineEnd,
    /// The head is the beginning of HTTP/2's preface.
    #[error("the connection begins as one of HTTP/2 (expected HTTP/1.1)")]
    Http2,
    #[error("the head is not one of HTTP/1.1")]
    Head,
    #[error("the method is not one of {}", known.join(", "))]
    Method { known: &'static [&'static str] },
    #[error("the request's target is not a path")]
    Target,
    #[error("the header `Host` is missing, repeated or not a host")]
    Host,
    #[error("`Content-Length` occurs twice (expected one length of the body)")]
    RepeatedLength,
    #[error("`Content-Length` is not one number of at most 15 digits (expected one length of the body)")]
    Length,
    #[error("`Transfer-Encoding` is not `chunked` alone (expected one length of the body)")]
    Encoding,
    #[error("both `Content-Length` and `Transfer-Encoding` are there (expected one length of the body)")]
    LengthAndEncoding,
    #[error("a chunk's size is not a hexadecimal number of at most 15 digits")]
    ChunkSize,
    #[error("the line of a chunk's size has more than {limit} bytes")]
    ChunkLineTooLong { limit: usize },
    #[error("a chunk is longer than its size")]
    ChunkTooLong,
    #[error("the trailers have more than {limit} bytes")]
    TrailersTooLong { limit: usize },
}
