//! The configuration of a node. It has a section for each component, and is read and checked before
//! a socket opens.

mod api_limits;
mod engines;
mod error;
mod files;
mod gateway;
mod limits;
mod safety;
#[cfg(feature = "schema")]
mod schemas;

use std::net::SocketAddr;

use cortex_domain::retention::Retention;
use cortex_models::ModelCatalogue;
use cortex_scheduler::Settings;

use crate::metrics::WorkerMetrics;

pub use engines::{BusEngine, BusName, EnginesError, NatsServer, StoreEngine, StoreName};
pub use error::ConfigError;
pub(crate) use files::settings;
pub use files::{Files, catalogue, policies};
pub use gateway::{GatewayConfig, Operator};
pub use limits::LimitsError;
pub use safety::SafetyConfig;
#[cfg(feature = "schema")]
pub use schemas::schemas;

/// The configuration of a node.
#[derive(Debug)]
pub struct Config {
    /// Topics and their pools, timeouts, and what tenants share.
    pub scheduler: Settings,
    pub store: StoreConfig,
    pub bus: BusEngine,
    pub gateway: GatewayConfig,
    pub safety: SafetyConfig,
    pub link: LinkConfig,
    pub models: ModelCatalogue,
    /// Worker processes on this machine, whose metrics are served with those of the node.
    pub worker_metrics: Vec<WorkerMetrics>,
}

/// Where the store is, and how long it keeps data.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    pub engine: StoreEngine,
    pub retention: Retention,
}

/// Where workers on other machines connect. Those on this machine always use a Unix socket.
#[derive(Debug, Clone, Default)]
pub struct LinkConfig {
    /// The TLS address. `None` disables it.
    pub listen: Option<SocketAddr>,
}

impl Config {
    /// Reads the given files, and uses built-in ones for the others. `kernel` is the address of a
    /// safety kernel in another process.
    ///
    /// # Errors
    /// Returns an error with file, key and line if a file can't be used.
    pub fn load(files: &Files, kernel: Option<String>, operator: Operator) -> Result<Self, ConfigError> {
        let limits::Limits { sharing, retention, api } = files::limits(files.limits.as_deref())?;
        let settings = files::settings(files)?;
        let policies = policies(files.safety.as_deref())?;
        Ok(Self {
            scheduler: Settings { sharing, ..settings },
            store: StoreConfig { engine: StoreEngine::default(), retention },
            bus: BusEngine::default(),
            gateway: GatewayConfig { limits: api, operator, chat_model: None, edge: None },
            safety: SafetyConfig::new(policies, kernel),
            link: LinkConfig::default(),
            models: catalogue(files.models.as_deref())?,
            worker_metrics: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_configuration_is_valid() {
        let config = Config::load(&Files::default(), None, Operator::of_tests()).unwrap();
        assert!(config.scheduler.catalogue.topics().any(|topic| topic.as_str() == "job.embed"));
        let folder = tempfile::tempdir().unwrap();
        let home = crate::Home::open(Some(folder.path().into())).unwrap();
        assert!(!config.gateway.models(&config.models, &home).embedding.is_empty());
    }
}
