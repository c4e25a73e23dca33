//! The interfaces that the core requires: the store, the bus, the payload memory and the safety
//! kernel.
//!
//! The futures are boxed because the store and the bus are chosen at run time.

mod bus;
mod safety;
mod store;

use std::future::Future;
use std::pin::Pin;

pub use bus::{
    AppendError, Bus, BusError, Delivery, Event, MessageId, Receipt, Rejection, Reply, Request, RequestError,
    Subscription,
};
pub use safety::{SafetyError, SafetyGate};
pub use store::{
    Acceptance, AuditLog, Audited, CommitError, Feed, Inspect, JobCount, JobStep, Jobs, Outbound, Outbox,
    Ownership, Payloads, Query, Sequence, Store, StoreError, Upkeep,
};

/// The future of an operation.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
