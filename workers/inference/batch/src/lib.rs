//! Who runs in the next step, and where their keys and values lie.
//!
//! Nothing here knows a tensor, a clock or a thread: [`Batch::plan`] says what one forward pass computes,
//! [`Batch::committed`] takes what came of it, and time is an argument. A sequence's keys and values lie in blocks of
//! [`BLOCK`] tokens; a full block is found again by what it holds, so that a tenant's texts with the same beginning share
//! it. Tenants share only what the operator marked ([`Job::shared`]).
//!
//! **Every admitted sequence finishes.** Blocks are taken as a sequence grows, and when there are none the youngest
//! that runs gives its own back and waits again. The oldest is never the youngest of two, so nobody can make it stop,
//! and alone it fits, or it had been refused. While it waits its tenant's virtual time stands still and every other
//! tenant's grows with what it computes; so its turn comes, nobody passes it, and those before it are finite.

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

pub use batch::{Batch, Refused, Usage};
pub use blocks::BLOCK;
pub use commit::{Finish, Finished, Verdict};
pub use limits::Limits;
pub use plan::{Part, Plan};
pub use scope::Tenant;
pub use sequence::{Job, SequenceId};
