//! The scheduler clears jobs with the safety kernel, places them on workers and applies the
//! workers' reports.
//!
//! `core` decides and `driver` acts. The core is one pure type that takes what happened and returns
//! what to do. The driver listens on the bus, executes the actions and passes their outcomes back.
//! Every step of a job is decided by `cortex_domain::transition`.

mod core;
mod driver;
mod membership;
mod scheduler;
mod settings;

pub use scheduler::{Parts, Scheduler};
pub use settings::{Settings, SettingsError, Unlisted};
#[cfg(feature = "schema")]
pub use settings::{pools_schema, timeouts_schema};
