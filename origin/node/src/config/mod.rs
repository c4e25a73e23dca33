//! The configuration of a node, a section for each part, read and checked before a socket opens.

mod api_limits;
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

pub use error::ConfigError;
pub use files::{Files, catalogue, policies};
pub use gateway::{GatewayConfig, Operator};
pub use limits::LimitsError;
pub use safety::SafetyConfig;
#[cfg(feature = "schema")]
pub use schemas::schemas;

/// What a node is built from.
#[derive(Debug)]
pub struct Config {
    /// Topics and their pools, how long things may take, and how tenants share.
    pub scheduler: Settings,
    pub store: StoreConfig,
    pub gateway: GatewayConfig,
    pub safety: SafetyConfig,
    pub link: LinkConfig,
    pub models: ModelCatalogue,
}

/// What the store keeps, and for how long.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    pub retention: Retention,
}

/// Where workers of other machines connect; those of this one always have a Unix socket.
#[derive(Debug, Clone, Default)]
pub struct LinkConfig {
    /// By TLS on this address, if at all.
    pub listen: Option<SocketAddr>,
}

impl Config {
    /// Reads the files that are named, and for the others what is built in. `kernel` is the address of a safety kernel in
    /// another process.
    ///
    /// # Errors
    /// Returns an error with file, key and line if a file can't be used.
    pub fn load(files: &Files, kernel: Option<String>, operator: Operator) -> Result<Self, ConfigError> {
        let limits::Limits { sharing, retention, api } = files::limits(files.limits.as_deref())?;
        let settings = files::settings(files)?;
        let policies = policies(files.safety.as_deref())?;
        Ok(Self {
            scheduler: Settings { sharing, ..settings },
            store: StoreConfig { retention },
            gateway: GatewayConfig { limits: api, operator, chat_model: None, edge: None },
            safety: SafetyConfig::new(policies, kernel),
            link: LinkConfig::default(),
            models: catalogue(files.models.as_deref())?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_in_can_be_read() {
        let config = Config::load(&Files::default(), None, Operator::of_tests()).unwrap();
        assert!(config.scheduler.catalogue.topics().any(|topic| topic.as_str() == "job.embed"));
        let folder = tempfile::tempdir().unwrap();
        let home = crate::Home::open(Some(folder.path().into())).unwrap();
        assert!(!config.gateway.models(&config.models, &home).embedding.is_empty());
    }
}
