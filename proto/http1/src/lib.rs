//! Splits an HTTP/1.1 connection into requests according to RFC 9112, before an HTTP library reads
//! them.
//!
//! Libraries repair requests that they should reject. If a request has both `Content-Length` and
//! `Transfer-Encoding`, one library ignores the length and another the coding, and equal lengths
//! count once. An earlier hop may have used the other value, and would then treat the rest of a
//! body as a request ("request smuggling"; section 6.3). A handler sees the headers too late to
//! notice. A server therefore reads its connections through [`Requests`] first. It holds a head
//! back until it is complete, and reports anything ambiguous as a [`Fault`].
//!
//! [`Framed`] sits between a socket and hyper. It replaces a rejected head by one that hyper
//! accepts and that names the error, which [`fault()`] reads. The error response therefore comes in
//! order.
//!
//! Nothing here waits, allocates more than the [`Rules`] allow, or decides how a server reports
//! errors.

mod fault;
mod framed;
mod framing;
mod head;
mod line_buffer;
mod requests;

pub use fault::Fault;
pub use framed::Framed;
pub use framing::{MAX_HEAD, fault};
pub use head::MAX_HEADERS;
pub use requests::{Requests, Rules};
