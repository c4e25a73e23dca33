//! The ledger: one Durable Object per tenant, with the edge's authoritative state. It holds every
//! accepted job with its envelope until the origin's durable acceptance is recorded, and sends it
//! again until then. The queue is only the fast path. The ledger also holds the tenant's keys, and
//! its record of a key alone decides who the caller is.
//!
//! • `client`: the calls of the Worker. `requests` and `dispatch`: how a call is encoded, and its
//! handler.
//! - `object`: the Durable Object and its alarm. `schema`: its tables.
//! - `jobs`: the jobs, their delivery to the origin and their idempotency keys.
//!   [`cortex_guard::ledger`] decides about the place of a job.
//! - `keys`: the API keys, and the revocations that the origin does not know yet.
//! - `failures`: the failures among several operations.
//!
//! [`crate::limits`] sets how much one ledger holds.

pub(crate) mod client;
mod dispatch;
mod failures;
pub(crate) mod jobs;
mod keys;
mod object;
mod requests;
mod schema;

pub use object::Ledger;
