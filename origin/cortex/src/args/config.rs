//! Which configuration files to read.

use std::path::PathBuf;

use cortex_node::Files;

/// Where the configuration lies; each file that is not named is the one built in.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ConfigArgs {
    /// Topics and their pools
    #[arg(long, env = "POOL_CONFIG_PATH", value_name = "FILE")]
    pub(crate) pools: Option<PathBuf>,
    /// How long things may take
    #[arg(long, env = "TIMEOUT_CONFIG_PATH", value_name = "FILE")]
    pub(crate) timeouts: Option<PathBuf>,
    /// What tenants share, and what the store keeps
    #[arg(long, env = "LIMITS_CONFIG_PATH", value_name = "FILE")]
    pub(crate) limits: Option<PathBuf>,
    /// What each tenant may ask for
    #[arg(long, env = "SAFETY_POLICY_PATH", value_name = "FILE")]
    pub(crate) safety: Option<PathBuf>,
    /// Models, their files and sources
    #[arg(long, env = "MODELS_PATH", value_name = "FILE")]
    pub(crate) models: Option<PathBuf>,
    /// A safety kernel in another process (host:port) instead of the one in this process
    #[arg(long, env = "SAFETY_KERNEL_ADDR", value_name = "ADDR")]
    pub(crate) safety_kernel: Option<String>,
}

impl ConfigArgs {
    pub(crate) fn files(&self) -> Files {
        Files {
            pools: self.pools.clone(),
            timeouts: self.timeouts.clone(),
            limits: self.limits.clone(),
            safety: self.safety.clone(),
            models: self.models.clone(),
        }
    }
}
