//! The pure core of CortexOS: jobs, their states, the policy gate and the placement. Nothing here
//! reads a clock, draws random numbers or does I/O. Time and random bytes are arguments, so every
//! rule can be replayed.

pub mod audit;
pub mod backoff;
pub mod call;
pub mod catalogue;
mod decision;
pub mod error;
pub mod event;
pub mod fair;
pub mod flow;
pub mod hex;
pub mod id;
pub mod job;
pub mod ownership;
pub mod placement;
pub mod pointer;
pub mod policy;
pub mod ports;
pub mod retention;
pub mod retry;
mod scatter;
#[cfg(feature = "schema")]
pub mod schema;
pub mod share;
pub mod state;
pub mod subject;
pub mod task;
pub mod time;
pub mod topic;
pub mod topics;
pub mod transition;
pub mod verify;
mod wildcard;
pub mod worker;

pub use error::ErrorCode;
