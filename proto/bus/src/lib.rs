//! The bus, within one process or on a NATS server, and the payload memory behind the pointers that travel on the bus.

#[cfg(any(test, feature = "contract"))]
pub mod contract;
mod embedded;
mod metrics;
mod nats;
pub mod payload;
mod rejections;

pub use embedded::{Embedded, Room};
pub use nats::{
    Nats, NatsError, NatsFiles, NatsFlush, NatsOptions, NatsUserKey, WorkerPermissions, worker_permissions,
};
