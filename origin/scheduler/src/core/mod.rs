//! The decisions of the scheduler. [`State::apply`] takes what happened and returns what to do.
//!
//! The core reads no clock, draws no random numbers and never waits. The caller passes the [`Now`],
//! executes the actions and passes their outcomes back. This lets the simulation in the tests drive
//! the same type as [`crate::driver`].
//!
//! A synchronous call and a durable job take the same path: the safety kernel decides about them,
//! then they are queued, placed on a worker and followed under a lease. They differ in where a
//! change is saved, in memory or in the store ([`in_flight`]), and in who learns of the end.

mod action;
mod asks;
mod calls;
mod clock;
mod deciding;
mod fleet;
mod in_flight;
mod input;
mod intake;
mod note;
mod placing;
mod reset;
mod shares;
mod snapshot;
mod state;
mod tracked;
mod undecided;
mod waiting;

#[cfg(test)]
mod tests;

pub(crate) use action::Action;
pub(crate) use input::{DispatchOutcome, Input, Now, PersistError, SaveError};
pub(crate) use note::Note;
pub(crate) use snapshot::Snapshot;
pub(crate) use state::State;
