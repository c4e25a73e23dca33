//! The origin's roles in one process or in several. [`build`] starts a node from a [`Config`] and returns a
//! [`Handle`], which drains and stops it.
//!
//! Only this crate chooses implementations: of the store, the bus, the safety kernel (in this
//! process or remote) and the workers' link. The crates that it connects know each other only by
//! the traits of the domain.

mod build;
mod common;
mod config;
mod descriptors;
mod engines;
mod error;
mod gateway;
mod handle;
mod home;
mod installation;
mod kernel;
mod link;
mod lock;
mod maintenance;
mod metrics;
mod operator;
mod role;
mod scheduler;
mod secrets;
mod tasks;
mod worker_rights;

#[cfg(test)]
mod tests;

pub use build::{Sockets, build};
#[cfg(feature = "schema")]
pub use config::schemas;
pub use config::{
    BusEngine, BusName, Config, ConfigError, EnginesError, Files, GatewayConfig, LimitsError, LinkConfig,
    NatsServer, Operator, SafetyConfig, StoreConfig, StoreEngine, StoreName, catalogue, policies,
};
pub use cortex_bus::{NatsError, NatsFiles};
pub use cortex_link::{Fingerprint, LinkAddress, Route, TokenId};
pub use error::BuildError;
pub use gateway::{ApiSockets, GatewayHandle};
pub use handle::Handle;
pub use home::{Home, HomeError, write_private};
pub use installation::InstallationError;
pub use kernel::{KernelHandle, build_kernel};
pub use link::{IdentityFileError, KeptToken, WorkerTokens, WorkerTokensError, link_identity};
pub use maintenance::{
    CopyReport, MaintenanceError, StorePlace, StoreReport, back_up_store, copy_store, migrate_store,
    restore_store, verify_store,
};
pub use metrics::WorkerMetrics;
pub use operator::operator_roles;
pub use role::{Plan, Role, Roles, RolesError};
pub use scheduler::SchedulerHandle;
pub use secrets::{Secrets, SecretsError, keyring};
pub use worker_rights::{NatsWorker, WorkerRightsError, nats_worker, redis_worker};
