//! Runs the Worker on this machine, as `cortex up` and the tests do. workerd listens on a Unix socket alone, with the
//! configuration beside this crate; the relay carries the connections of a TCP port to it.

mod relay;
mod requests;
mod worker;

pub use relay::{Limits, relay};
pub use worker::{Origin, Variables, Worker};
