//! `cortex models`.

mod list;
mod load;
mod load_progress;
mod pull;
mod pull_progress;
mod verify;

use std::path::PathBuf;

use cortex_domain::id::ModelName;
use cortex_models::{Model, ModelCatalogue, UnknownModel};
use cortex_node::{Home, catalogue};

use crate::args::ApiArgs;
use crate::exit::{Exit, Failure};
use crate::{config, target};

pub(crate) use pull::pull_if_missing;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Download the files of a model and verify them
    Pull {
        /// A file with the models, their files and sources [default: built in]
        #[arg(long, env = "MODELS_PATH", value_name = "FILE")]
        models: Option<PathBuf>,
        /// The name of the model [default: the embedding model of `cortex up`]
        name: Option<ModelName>,
    },
    /// List the models, and show which are installed and which are loaded
    List {
        /// A file with the models, their files and sources [default: built in]
        #[arg(long, env = "MODELS_PATH", value_name = "FILE")]
        models: Option<PathBuf>,
    },
    /// Load a model into a chat worker, before the first request needs it
    Load {
        #[command(flatten)]
        api: ApiArgs,
        /// The name of the model
        name: ModelName,
    },
    /// Unload a model after the requests that use it have ended
    Unload {
        #[command(flatten)]
        api: ApiArgs,
        /// The name of the model
        name: ModelName,
    },
    /// Verify the hashes of installed models
    Verify {
        /// A file with the models, their files and sources [default: built in]
        #[arg(long, env = "MODELS_PATH", value_name = "FILE")]
        models: Option<PathBuf>,
        /// The name of the model [default: every installed model]
        name: Option<ModelName>,
    },
}

/// Downloads, lists, loads, unloads and verifies models.
///
/// # Errors
/// Returns an error if the models file is invalid, the model is unknown, or the operation fails.
pub(crate) async fn run(home: &Home, verb: Verb, json: bool) -> Result<Exit, Failure> {
    match verb {
        Verb::Pull { models, name } => {
            let name = name.map_or_else(config::embeddings_model, Ok)?;
            let catalogue = catalogue(models.as_deref())?;
            pull::pull(home, find(&catalogue, name.as_str())?, json).await
        }
        Verb::List { models } => list::list(home, &catalogue(models.as_deref())?, json).await,
        Verb::Load { api, name } => load::load(&target::api(home, &api)?, &name, json).await,
        Verb::Unload { api, name } => load::unload(&target::api(home, &api)?, &name, json).await,
        Verb::Verify { models, name } => {
            let catalogue = catalogue(models.as_deref())?;
            let chosen: Vec<Model> = match name {
                Some(name) => vec![find(&catalogue, name.as_str())?.clone()],
                None => catalogue.iter().filter(|model| model.dir(home.path()).is_dir()).cloned().collect(),
            };
            verify::verify(home, chosen, json).await
        }
    }
}

fn find<'a>(catalogue: &'a ModelCatalogue, name: &str) -> Result<&'a Model, Failure> {
    catalogue.get(name).map_err(|error| unknown_model(Exit::BadInput, error))
}

/// Returns the error for a model that the models file doesn't have.
pub(crate) fn unknown_model(exit: Exit, error: UnknownModel) -> Failure {
    Failure::new(exit, error, "`cortex models list` shows the models")
}

fn size(bytes: u64) -> String {
    const MIB: u64 = 1024 * 1024;
    if bytes >= MIB { format!("{:.1} MiB", bytes as f64 / MIB as f64) } else { format!("{bytes} bytes") }
}

#[cfg(test)]
mod tests;
