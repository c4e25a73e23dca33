//! The worker's runtime: the [`Engine`] trait, and the loop that runs jobs under their leases.
//!
//! The loop talks to an [`Origin`](cortex_link::origin::Origin). It does not depend on whether that
//! is the link or a broker.

mod beat;
pub mod echo;
mod engine;
mod in_flight;
mod latency;
mod metrics;
mod progress;
mod run;
mod settings;
mod shared;
mod worker;

#[cfg(test)]
mod tests;

pub use engine::{Context, Engine, Profile};
pub use metrics::Metrics;
pub use progress::Frames;
pub use settings::Settings;
pub use worker::{RunError, Worker};
