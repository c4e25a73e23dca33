//! The scheduler: clears jobs with the safety kernel, places them on workers and settles what those report.
//!
//! [`Scheduler::start`] listens on the bus. `intake` takes durable jobs in and `call` synchronous ones; both
//! queue in `waiting` until `pump` finds a worker in `fleet`; `run` follows a durable job under its lease;
//! `report` hears the workers, `tick` watches the clock, `recover` repairs what a crash left half way, `retain` deletes
//! what is kept no longer, and `relay` carries the store's outbox to the bus. Every step of a job is decided by
//! `cortex_domain::transition`.

mod board;
mod call;
mod core;
mod fleet;
mod intake;
mod pump;
mod recover;
mod relay;
mod report;
mod retain;
mod run;
mod scheduler;
mod settings;
mod tick;
mod waiting;

pub use scheduler::{Parts, Scheduler};
pub use settings::{Settings, SettingsError, Unlisted};
