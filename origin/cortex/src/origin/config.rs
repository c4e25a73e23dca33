//! The configuration files, read before a socket opens.

use std::path::Path;

use cortex_domain::id::ModelName;
use cortex_domain::retention::Retention;
use cortex_gateway::{Limits as DoorLimits, Listing, Models};
use cortex_models::{Catalogue, Kind};
use cortex_safety::Policies;
use cortex_scheduler::{Settings, SettingsError, Unlisted};

use super::limits::Limits;
use crate::cli::ConfigArgs;
use crate::exit::{Exit, Failure};
use crate::home::Home;

const POOLS: &str = include_str!("../../../../deploy/config/pools.yaml");
const TIMEOUTS: &str = include_str!("../../../../deploy/config/timeouts.yaml");
const LIMITS: &str = include_str!("../../../../deploy/config/limits.yaml");
const SAFETY: &str = include_str!("../../../../deploy/config/safety.yaml");

/// What the files say.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) settings: Settings,
    pub(crate) retention: Retention,
    pub(crate) door: DoorLimits,
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
        let Limits { sharing, retention, door } = limits(args.limits.as_deref())?;
        let settings = settings(args).map_err(|error| Failure::new(Exit::Config, error))?;
        Ok(Self {
            settings: Settings { sharing, ..settings },
            retention,
            door,
            policies: policies(args.safety.as_deref())?,
            models: models(args.models.as_deref())?,
            safety_kernel: args.safety_kernel.clone(),
        })
    }

    /// The names of the models by what they do, for those who ask what there is. Where workers of this machine chat,
    /// `first` is the model that they begin with, and only those are told whose files are in `home`.
    #[must_use]
    pub(crate) fn model_names(&self, home: &Home, first: Option<&ModelName>) -> Models {
        let of_kind = |wanted: fn(&Kind) -> bool| {
            let models = self.models.iter().filter(move |model| wanted(&model.kind));
            models.map(|model| model.name.clone()).collect::<Vec<_>>()
        };
        let mut chat = of_kind(|kind| matches!(kind, Kind::Chat { .. }));
        chat.sort_by_key(|name| Some(name) != first);
        let local = first.map(|_| (home.path().to_owned(), self.models.clone()));
        let is_here = move |name: &ModelName| {
            local.as_ref().is_none_or(|(home, models)| {
                models.get(name.as_str()).is_ok_and(|model| model.installed(home))
            })
        };
        Models {
            embedding: of_kind(|kind| matches!(kind, Kind::Embedding { .. })),
            chat: Listing::new(chat, is_here),
        }
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

fn limits(file: Option<&Path>) -> Result<Limits, Failure> {
    let limits = match file {
        Some(file) => match cortex_config::text(file) {
            Ok(text) => Limits::parse(&text, file),
            Err(error) => Err(error.into()),
        },
        None => Limits::parse(LIMITS, Path::new("limits.yaml (built in)")),
    };
    limits.map_err(|error| Failure::new(Exit::Config, error))
}

fn settings(args: &ConfigArgs) -> Result<Settings, SettingsError> {
    let built_in = |name: &'static str| Path::new(name);
    let read = |file: &Option<std::path::PathBuf>, text: &'static str, name: &'static str| match file {
        Some(file) => cortex_config::text(file).map(|text| (text, file.clone())),
        None => Ok((text.to_owned(), built_in(name).to_owned())),
    };
    let pools = read(&args.pools, POOLS, "pools.yaml (built in)")?;
    let timeouts = read(&args.timeouts, TIMEOUTS, "timeouts.yaml (built in)")?;
    // Those built in are for every topic; whoever writes pools of their own needn't write timeouts too.
    let unlisted = if args.timeouts.is_some() { Unlisted::Refused } else { Unlisted::PassedOver };
    Settings::parse((&pools.0, &pools.1), (&timeouts.0, &timeouts.1), unlisted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_in_can_be_read() {
        let none = ConfigArgs {
            pools: None,
            timeouts: None,
            limits: None,
            safety: None,
            models: None,
            safety_kernel: None,
        };
        let config = Config::load(&none).unwrap();
        assert!(config.settings.catalogue.topics().any(|topic| topic.as_str() == "job.embed"));
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(Some(folder.path().into())).unwrap();
        assert!(!config.model_names(&home, None).embedding.is_empty());
    }
}
