//! Arguments that several commands share.

mod api;
mod config;
mod engines;
mod metrics;
pub(crate) mod secret;

pub(crate) use api::{ApiArgs, EdgeArgs};
pub(crate) use config::ConfigArgs;
pub(crate) use engines::{EngineArgs, StoreArgs};
pub(crate) use metrics::MetricsArgs;
