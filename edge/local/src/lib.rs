//! Runs the Worker on this machine, for `cortex up` and the tests. workerd listens only on a Unix
//! socket, with the configuration beside this crate. The relay forwards the connections of a TCP
//! port to it.

mod relay;
mod requests;
mod worker;

pub use relay::{Limits, relay};
pub use worker::{Origin, Tracing, Variables, Worker};
