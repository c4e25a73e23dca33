//! Tells the requests of an HTTP/1.1 connection apart, as RFC 9112 has it, before an HTTP library reads them.
//!
//! Libraries mend what they should refuse. Of `Content-Length` beside `Transfer-Encoding` one drops the length and
//! another the coding, and equal lengths count once. A hop before us may have believed the other one, and would then
//! take the rest of a body for a request ("request smuggling"; section 6.3). By the time that a handler sees the
//! headers, the trace is gone. So a door reads its connections through [`Requests`] first: a head is held back until
//! it is whole, and what two readers could read differently is a [`Fault`].
//!
//! [`Framed`] stands between a socket and hyper. It replaces a head at fault by one that hyper takes and that says what is
//! wrong, which [`fault()`] reads, so that the refusal comes in its turn.
//!
//! Nothing here waits, allocates more than the door's [`Rules`] allow, or knows how a door refuses.

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
