//! The errors in HTTP/1.1 requests, with messages for the client.

use crate::head::MAX_HEADERS;

/// Why a request is rejected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    #[error("the head is too large (expected at most {limit} bytes)")]
    HeadTooLong { limit: usize },
    #[error("too many headers (expected at most {MAX_HEADERS})")]
    TooManyHeaders,
    /// An LF without a preceding CR, or a CR without a following LF. Within a chunk's size it is
    /// [`Self::ChunkSize`].
    #[error("a line does not end with CR and LF")]
    BareLineEnd,
    /// The head is the start of HTTP/2's preface.
    #[error("the client uses HTTP/2 (expected HTTP/1.1)")]
    Http2,
    #[error("invalid head (expected HTTP/1.1)")]
    Head,
    #[error("unknown method (expected {})", known.join(", "))]
    Method { known: &'static [&'static str] },
    #[error("invalid request target (expected a path)")]
    Target,
    #[error("invalid header `Host` (expected one host)")]
    Host,
    #[error("duplicate header `Content-Length`")]
    RepeatedLength,
    #[error("invalid header `Content-Length` (expected one number of at most 15 digits)")]
    Length,
    #[error("invalid header `Transfer-Encoding` (expected `chunked`)")]
    Encoding,
    #[error("both `Content-Length` and `Transfer-Encoding` are set (expected one of them)")]
    LengthAndEncoding,
    #[error("invalid chunk size (expected a hexadecimal number of at most 15 digits)")]
    ChunkSize,
    #[error("the line of a chunk size is too long (expected at most {limit} bytes)")]
    ChunkLineTooLong { limit: usize },
    #[error("a chunk is longer than its size")]
    ChunkTooLong,
    #[error("the trailers are too large (expected at most {limit} bytes)")]
    TrailersTooLong { limit: usize },
}
