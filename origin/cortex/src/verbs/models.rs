//! `cortex models`.

mod list;
mod load;
mod loading;
mod progress;
mod pull;
mod verify;

use cortex_models::{Catalogue, Model};

use super::{place, planned};
use crate::cli::ModelsVerb;
use crate::exit::{Exit, Failure};
use crate::home::Home;
use crate::origin;

pub(crate) use pull::pull_if_missing;

/// # Errors
/// If the catalogue can't be used, it has no such model, or the model can't be fetched.
pub(crate) async fn models(home: &Home, verb: ModelsVerb, json: bool) -> Result<Exit, Failure> {
    match verb {
        ModelsVerb::Pull { models, name } => {
            let name = name.map_or_else(|| planned::up().map(|plan| plan.embeddings_model), Ok)?;
            let catalogue = origin::models(models.as_deref())?;
            pull::pull(home, find(&catalogue, name.as_str())?, json).await
        }
        ModelsVerb::List { models } => list::list(home, &origin::models(models.as_deref())?, json).await,
        ModelsVerb::Load { api, name } => load::load(&place::api(home, &api)?, &name, json).await,
        ModelsVerb::Unload { api, name } => load::unload(&place::api(home, &api)?, &name, json).await,
        ModelsVerb::Verify { models, name } => {
            let catalogue = origin::models(models.as_deref())?;
            let chosen: Vec<Model> = match name {
                Some(name) => vec![find(&catalogue, name.as_str())?.clone()],
                None => catalogue.iter().filter(|model| model.dir(home.path()).is_dir()).cloned().collect(),
            };
            verify::verify(home, chosen, json).await
        }
    }
}

fn find<'a>(catalogue: &'a Catalogue, name: &str) -> Result<&'a Model, Failure> {
    catalogue.get(name).map_err(|error| Failure::new(Exit::BadInput, error))
}

fn size(bytes: u64) -> String {
    const MIB: u64 = 1024 * 1024;
    if bytes >= MIB { format!("{:.1} MiB", bytes as f64 / MIB as f64) } else { format!("{bytes} bytes") }
}

#[cfg(test)]
mod tests;
