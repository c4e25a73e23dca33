//! Synchronous calls. They go over the bus to the scheduler, and their payloads stay in memory.

mod open_calls;
mod result;
mod run;
mod scheduler;

pub(crate) use result::{CallResult, respond};
pub(crate) use run::{Calls, OnTimeout, Parts, operation};
