//! The link: one gRPC stream of the bus's own packets between the origin and a worker without a broker.
//!
//! The origin's end listens on the bus on the worker's behalf and sends each job with its input; the worker's end
//! is an [`Origin`](crate::origin::Origin) that comes back after a loss. Neither keeps state that a crash could
//! take along: what a report may change is decided by its lease, in the store.

mod address;
mod assigned;
mod client;
mod listen;
pub mod origin;
mod outbox;
mod server;
mod session;

#[cfg(test)]
mod tests;

pub use address::LinkAddress;
pub use client::{Dial, Link, open};
pub use listen::{BindError, Listener};
pub use server::{Limits, Server};
