//! The origin's roles in one process: store, bus, safety kernel, scheduler, gateway and the workers' link.

mod config;
mod descriptors;
mod door_limits;
mod limits;
mod start;

#[cfg(test)]
mod tests;

pub(crate) use config::{Config, models, policies};
pub(crate) use start::{Origin, Start};
