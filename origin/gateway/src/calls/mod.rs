//! Synchronous calls: over the bus to the scheduler, with the payloads in memory.

mod answered;
mod open;
mod run;

pub(crate) use answered::{Answered, respond};
pub(crate) use run::{Calls, OnTimeout, Parts, operation};
