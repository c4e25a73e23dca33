//! Tells the requests of an HTTP/1.1 connection apart, as RFC 9112 has it, before an HTTP library reads them.
//!
//! Libraries mend what they should refuse. Of `Content-Length` beside `Transfer-Encoding` one drops the length and
//! another the coding, and equal lengths count once. A hop before us may have believed the other one, and would then
//! take the rest of a body for a request ("request smuggling"; section 6.3). By the time that a handler sees the
//! headers, the trace is gone. So a door reads its connections through [`Requests`] first: a head is held back until
//! it is whole, and what two readers could read differently is a [`Fault`].
//!
//! Nothing here waits, allocates more than the door's [`Rules`] allow, or knows how a door refuses.

mod fault;
mod head;
mod held;
mod requests;

pub use fault::Fault;
pub use head::MAX_HEADERS;
pub use requests::{Requests, Rules};
