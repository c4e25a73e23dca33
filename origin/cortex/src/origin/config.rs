//! The configuration files, read before a socket opens.

use std::path::Path;

use cortex_gateway::Models;
use cortex_models::{Catalogue, Kind};
use cortex_safety::Policies;
use cortex_scheduler::{Settings, SettingsError};

use crate::cli::ConfigArgs;
use crate::exit::{Exit, Failure};

const POOLS: &str = include_str!("../../../../deploy/config/pools.yaml");
const TIMEOUTS: &str = include_str!("../../../../deploy/config/timeouts.yaml");
const SAFETY: &str = include_str!("../../../../deploy/config/safety.yaml");

/// What the files say.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) settings: Settings,
    pub(crate) policies: Policies,
    pub(crate) models: Catalogue,
    pub(crate) safety_kernel: Option<String>,
}

impl Config {
    /// Reads the files that are named, and for the others what is built in.
    ///
    /// # Errors
    /// With file, key and line, for exit code 78.
    pub(crate) fn load(args: &ConfigArgs) -> Result<Self, Failure> {
        Ok(Self {
            settings: settings(args).map_err(|error| Failure::new(Exit::Config, error))?,
            policies: policies(args.safety.as_deref())?,
            models: models(args.models.as_deref())?,
            safety_kernel: args.safety_kernel.clone(),
        })
    }

    /// The names of the models by what they do, for those who ask what there is.
    #[must_use]
    pub(crate) fn model_names(&self) -> Models {
        let mut names = Models::default();
        for model in self.models.iter() {
            let of_kind = match model.kind {
                Kind::Embedding { .. } => &mut names.embedding,
                Kind::Chat { .. } => &mut names.chat,
            };
            of_kind.push(model.name.clone());
        }
        names
    }
}

/// Reads the catalogue that is named, or takes the one built in.
///
/// # Errors
/// With file, key and line, for exit code 78.
pub(crate) fn models(file: Option<&Path>) -> Result<Catalogue, Failure> {
    match file {
        Some(file) => Catalogue::load(file).map_err(|error| Failure::new(Exit::Config, error)),
        None => Ok(Catalogue::shipped()),
    }
}

/// Reads the policies that are named, or takes those built in.
///
/// # Errors
/// With file, key and line, for exit code 78.
pub(crate) fn policies(file: Option<&Path>) -> Result<Policies, Failure> {
    let policies = match file {
        Some(file) => Policies::load(file),
        None => Policies::parse(SAFETY, Path::new("safety.yaml (built in)")),
    };
    policies.map_err(|error| Failure::new(Exit::Config, error))
}

fn settings(args: &ConfigArgs) -> Result<Settings, SettingsError> {
    let built_in = |name: &'static str| Path::new(name);
    let read = |file: &Option<std::path::PathBuf>, text: &'static str, name: &'static str| match file {
        Some(file) => cortex_config::text(file).map(|text| (text, file.clone())),
        None => Ok((text.to_owned(), built_in(name).to_owned())),
    };
    let pools = read(&args.pools, POOLS, "pools.yaml (built in)")?;
    let timeouts = read(&args.timeouts, TIMEOUTS, "timeouts.yaml (built in)")?;
    Settings::parse((&pools.0, &pools.1), (&timeouts.0, &timeouts.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_in_can_be_read() {
        let none =
            ConfigArgs { pools: None, timeouts: None, safety: None, models: None, safety_kernel: None };
        let config = Config::load(&none).unwrap();
        assert!(config.settings.catalogue.topics().any(|topic| topic.as_str() == "job.embed"));
        assert!(!config.model_names().embedding.is_empty());
    }
}
