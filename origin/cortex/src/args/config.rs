//! The configuration files.

use std::path::PathBuf;

use cortex_node::Files;

/// The configuration files. A missing option means the built-in file.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ConfigArgs {
    /// A file with the topics and the pools that serve them [default: built in]
    #[arg(long, env = "POOL_CONFIG_PATH", value_name = "FILE")]
    pub(crate) pools: Option<PathBuf>,
    /// A file with the timeouts of jobs and workers [default: built in]
    #[arg(long, env = "TIMEOUT_CONFIG_PATH", value_name = "FILE")]
    pub(crate) timeouts: Option<PathBuf>,
    /// A file with the limits of tenants and of the store [default: built in]
    #[arg(long, env = "LIMITS_CONFIG_PATH", value_name = "FILE")]
    pub(crate) limits: Option<PathBuf>,
    /// A file with the policy of each tenant [default: built in]
    #[arg(long, env = "SAFETY_POLICY_PATH", value_name = "FILE")]
    pub(crate) safety: Option<PathBuf>,
    /// A file with the models, their files and sources [default: built in]
    #[arg(long, env = "MODELS_PATH", value_name = "FILE")]
    pub(crate) models: Option<PathBuf>,
    /// The address of a safety kernel in another process, as host:port [default: this process]
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
