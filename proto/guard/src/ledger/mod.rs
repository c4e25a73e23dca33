//! A job's place at the edge, as a pure state machine.
//!
//! The ledger of a tenant holds an accepted job with its body until the origin's durable acceptance
//! is recorded, and sends it again until then. [`apply`] returns the changed job and the effects of
//! an event. The edge loads a row, applies an event, writes the row, and then performs the effects.

mod backoff;
mod event;
mod job;
mod transition;

#[cfg(test)]
mod tests;

pub use backoff::{MAX_BACKOFF, backoff};
pub use event::LedgerEvent;
pub use job::{Ending, HeldBody, LedgerJob, LedgerPlace};
pub use transition::{Effect, LedgerStep, QUEUE_HEAD_START, Rejected, SEND_LEASE, accept, apply};
