//! A job's place at the edge, as a pure state machine.
//!
//! The ledger of a tenant holds an accepted job with its body until the origin's durable accept is on record, and sends it
//! again until then. The rules are here: [`apply`] returns what an event changes in a job, and the effects that follow. The
//! edge loads a row, applies an event, writes the row, and then performs the effects.

mod backoff;
mod event;
mod job;
mod transition;

#[cfg(test)]
mod tests;

pub use backoff::{LONGEST_BACKOFF, backoff};
pub use event::LedgerEvent;
pub use job::{Ending, HeldBody, LedgerJob, LedgerPlace};
pub use transition::{Effect, QUEUE_HEAD_START, Rejected, SEND_LEASE, Step, accept, apply};
