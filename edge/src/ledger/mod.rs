//! The ledger: one Durable Object per tenant, the edge's source of truth. It holds every accepted job with its envelope
//! until the origin's durable accept is on record, and sends it again until then; the queue is only the fast
//! way. It also holds the tenant's keys, and decides from its own record of a key alone who calls with it.
//!
//! - `client`: what the Worker calls. `requests` and `dispatch`: how a call travels, and who in the object answers it.
//! - `object`: the Durable Object and its alarm. `schema`: its tables.
//! - `jobs`: the jobs, their way to the origin and their idempotency keys. Where a job may go next is decided by
//!   [`cortex_guard::ledger`].
//! - `keys`: the API keys, and which revocations the origin has yet to hear of.
//! - `failures`: what fails of several things that are all to be done.
//!
//! How much one ledger holds is told by [`crate::limits`].

pub(crate) mod client;
mod dispatch;
mod failures;
pub(crate) mod jobs;
mod keys;
mod object;
mod requests;
mod schema;

pub use object::Ledger;
