//! Arguments that several commands share.

mod api;
mod config;
pub(crate) mod secret;

pub(crate) use api::{ApiArgs, EdgeArgs};
pub(crate) use config::ConfigArgs;
