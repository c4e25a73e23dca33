//! Synchronous calls: over the bus to the scheduler, with the payloads in memory.

mod open_calls;
mod result;
mod run;

pub(crate) use result::{CallResult, respond};
pub(crate) use run::{Calls, OnTimeout, Parts, operation};
