//! Why a node can't be configured.

use cortex_safety::PolicyError;
use cortex_scheduler::SettingsError;

use super::LimitsError;

/// Why the configuration can't be used. The message names file, key and line.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Limits(#[from] LimitsError),
    #[error(transparent)]
    Policies(#[from] PolicyError),
    #[error(transparent)]
    Models(#[from] cortex_config::ConfigError),
}
