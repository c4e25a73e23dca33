//! The origin's roles in one process: `Config`, then [`build`], then a [`Handle`] that drains and stops them.
//!
//! This crate alone picks implementations: the store, the bus, the safety kernel (in this process or a remote one) and the
//! workers' link. The crates that it wires know each other by the traits of the domain alone.

mod build;
mod config;
mod descriptors;
mod error;
mod handle;
mod home;
mod kernel;
mod link;
mod lock;
mod metrics;
mod operator;
mod role;
mod secrets;

#[cfg(test)]
mod tests;

pub use build::{Sockets, build};
#[cfg(feature = "schema")]
pub use config::schemas;
pub use config::{
    Config, ConfigError, Files, GatewayConfig, LimitsError, LinkConfig, Operator, SafetyConfig, StoreConfig,
    catalogue, policies,
};
pub use cortex_link::{Fingerprint, LinkAddress, Route, TokenId};
pub use error::BuildError;
pub use handle::Handle;
pub use home::{Home, HomeError, write_private};
pub use kernel::{KernelHandle, build_kernel};
pub use link::{IdentityFileError, KeptToken, WorkerTokens, WorkerTokensError, link_identity};
pub use operator::operator_roles;
pub use role::{Plan, Role, Roles, RolesError};
pub use secrets::{Secrets, SecretsError, keyring};
