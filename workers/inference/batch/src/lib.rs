//! Decides which sequences run in the next step, and where their keys and values lie.
//!
//! This crate uses no tensors, clocks or threads. [`Batch::plan`] returns what one forward pass
//! computes, [`Batch::commit`] takes the results, and time is an argument. A sequence's keys and
//! values lie in blocks of [`BLOCK`] tokens. A full block is found again by its content, so a
//! tenant's texts with the same beginning share it. Tenants share only what the operator marked
//! ([`Job::shared`]).
//!
//! **Every admitted sequence finishes.** A sequence takes blocks while it grows. When no block is
//! left, the youngest running sequence is preempted: it releases its blocks and waits again. The
//! oldest is never the youngest of two, so nothing preempts it. Alone it fits, because it would
//! have been rejected otherwise. While a sequence waits, its tenant's virtual time does not grow,
//! and that of every other tenant grows with what it computes. So the sequence gets its turn, no
//! other one overtakes it, and finitely many come before it.

mod admit;
mod batch;
mod blocks;
mod commit;
mod limits;
mod pace;
mod plan;
mod scope;
mod sequence;
mod shares;
mod tenants;

#[cfg(test)]
mod tests;

pub use batch::{Batch, QueueError, Usage};
pub use blocks::BLOCK;
pub use commit::{FinishReason, Finished, StepOutcome};
pub use limits::Limits;
pub use plan::{Plan, PlannedSegment};
pub use scope::Tenant;
pub use sequence::{Job, SequenceId};
