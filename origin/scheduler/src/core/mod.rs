//! What the scheduler decides, without doing any of it: [`State::apply`] takes what happened and returns what to do.
//!
//! Nothing here reads a clock, draws randomness or waits: the caller brings the [`Now`], executes the actions and brings back
//! what came of them. So the simulation in the tests drives the same type as [`crate::driver`].
//!
//! A synchronous call and a durable job go the same way: judged by the safety kernel, queued, placed on a worker, followed
//! under a lease. They differ where a change is kept, in memory or in the store ([`in_flight`]), and in who is told of the end.

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
