//! Reads the configuration files that are set, and the built-in ones for the others.

use std::path::{Path, PathBuf};

use cortex_models::ModelCatalogue;
use cortex_safety::Policies;
use cortex_scheduler::{Settings, SettingsError, Unlisted};

use super::ConfigError;
use super::limits::{Limits, LimitsError};

const POOLS: &str = include_str!("../../../../deploy/config/pools.yaml");
const TIMEOUTS: &str = include_str!("../../../../deploy/config/timeouts.yaml");
const LIMITS: &str = include_str!("../../../../deploy/config/limits.yaml");
const SAFETY: &str = include_str!("../../../../deploy/config/safety.yaml");

/// The paths of the configuration files. The built-in file replaces one that is not set.
#[derive(Debug, Clone, Default)]
pub struct Files {
    pub pools: Option<PathBuf>,
    pub timeouts: Option<PathBuf>,
    pub limits: Option<PathBuf>,
    pub safety: Option<PathBuf>,
    pub models: Option<PathBuf>,
}

/// Reads a model catalogue, or returns the built-in one.
///
/// # Errors
/// Returns an error with file, key and line if it can't be used.
pub fn catalogue(file: Option<&Path>) -> Result<ModelCatalogue, ConfigError> {
    match file {
        Some(file) => Ok(ModelCatalogue::load(file)?),
        None => Ok(ModelCatalogue::shipped()),
    }
}

/// Reads policies, or returns the built-in ones.
///
/// # Errors
/// Returns an error with file, key and line if they can't be used.
pub fn policies(file: Option<&Path>) -> Result<Policies, ConfigError> {
    match file {
        Some(file) => Ok(Policies::load(file)?),
        None => Ok(Policies::parse(SAFETY, Path::new("safety.yaml (built in)"))?),
    }
}

pub(super) fn limits(file: Option<&Path>) -> Result<Limits, LimitsError> {
    match file {
        Some(file) => Limits::parse(&cortex_config::text(file)?, file),
        None => Limits::parse(LIMITS, Path::new("limits.yaml (built in)")),
    }
}

pub(crate) fn settings(files: &Files) -> Result<Settings, SettingsError> {
    let read = |file: &Option<PathBuf>, text: &'static str, name: &'static str| match file {
        Some(file) => cortex_config::text(file).map(|text| (text, file.clone())),
        None => Ok((text.to_owned(), Path::new(name).to_owned())),
    };
    let pools = read(&files.pools, POOLS, "pools.yaml (built in)")?;
    let timeouts = read(&files.timeouts, TIMEOUTS, "timeouts.yaml (built in)")?;
    // The built-in timeouts list every topic. An operator with other pools needn't write timeouts
    // too.
    let unlisted = if files.timeouts.is_some() { Unlisted::Refused } else { Unlisted::PassedOver };
    Settings::parse((&pools.0, &pools.1), (&timeouts.0, &timeouts.1), unlisted)
}
