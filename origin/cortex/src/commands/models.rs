//! `cortex models`.

use crate::args::ApiArgs;
use cortex_domain::id::ModelName;
use std::path::PathBuf;
mod list;
mod load;
mod load_progress;
mod pull;
mod pull_progress;
mod verify;

use cortex_models::{Model, ModelCatalogue};

use crate::exit::{Exit, Failure};
use crate::{config, target};
use cortex_node::Home;
use cortex_node::catalogue;

pub(crate) use pull::pull_if_missing;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Fetch a model's files and check them
    Pull {
        #[arg(long, env = "MODELS_PATH", value_name = "FILE")]
        models: Option<PathBuf>,
        /// [default: the one that embeds]
        name: Option<ModelName>,
    },
    /// List the models of the catalogue, which are here and which are loaded
    List {
        #[arg(long, env = "MODELS_PATH", value_name = "FILE")]
        models: Option<PathBuf>,
    },
    /// Load a model into a worker that chats, now instead of when it is asked for
    Load {
        #[command(flatten)]
        api: ApiArgs,
        name: ModelName,
    },
    /// Unload a model once the answers that use it are whole
    Unload {
        #[command(flatten)]
        api: ApiArgs,
        name: ModelName,
    },
    /// Check the hashes of what is here
    Verify {
        #[arg(long, env = "MODELS_PATH", value_name = "FILE")]
        models: Option<PathBuf>,
        /// [default: every model that is here]
        name: Option<ModelName>,
    },
}

/// Fetches, lists, loads and checks models.
///
/// # Errors
/// Returns an error if the catalogue can't be used, it has no such model, or the model can't be fetched.
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
    catalogue.get(name).map_err(|error| Failure::new(Exit::BadInput, error))
}

fn size(bytes: u64) -> String {
    const MIB: u64 = 1024 * 1024;
    if bytes >= MIB { format!("{:.1} MiB", bytes as f64 / MIB as f64) } else { format!("{bytes} bytes") }
}

#[cfg(test)]
mod tests;
