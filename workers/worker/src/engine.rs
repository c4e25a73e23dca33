//! The engine for the kind of work that is asked for.

use std::sync::Arc;

use anyhow::anyhow;
use cortex_domain::id::ModelName;
use cortex_inference::embed::Embedder;
use cortex_inference::generate::{ModelHandle, ModelRegistry};
use cortex_inference::host::{embed, language};
use cortex_inference::language::ComputeDevice;
use cortex_models::ModelCatalogue;
use cortex_runtime::Engine;
use cortex_runtime::echo::Echo;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use crate::chat::{CatalogueLibrary, Chat};
use crate::config::{self, Work};
use crate::embed::Embed;
use crate::exit::Exit;
use crate::host;

/// An engine that is ready to run jobs.
pub(crate) struct Started {
    pub(crate) engine: Arc<dyn Engine>,
    /// The language models that it runs.
    pub(crate) models: Option<ModelRegistry>,
}

impl Started {
    fn without_models(engine: impl Engine) -> Self {
        Self { engine: Arc::new(engine), models: None }
    }
}

/// Makes an engine ready. The engine cancels `shutdown` if it breaks for good.
///
/// # Errors
/// Returns an error if a model can't be loaded, or a port is in use.
pub(crate) async fn start(work: Work, shutdown: CancellationToken) -> Result<Started, Exit> {
    match work {
        Work::Echo => Ok(Started::without_models(Echo)),
        Work::Embed(wanted, doors) => {
            let loading = spawn_blocking(move || load(&wanted));
            let (model, embedder) = loading.await.map_err(Exit::failed)??;
            if let Some(port) = doors.host {
                let routes = embed(model.clone(), embedder.clone());
                host::open(port, doors.access, routes, shutdown.clone()).await?;
            }
            Ok(Started::without_models(Embed::new(model, embedder, shutdown)))
        }
        Work::Chat(wanted, generation, doors) => {
            let (registry, first) = registry(wanted, generation, shutdown.clone())?;
            drop(load_first(&registry, &first).await?);
            if let Some(port) = doors.host {
                host::open(port, doors.access, language(registry.clone()), shutdown).await?;
            }
            let engine = Arc::new(Chat::new(registry.clone()));
            Ok(Started { engine, models: Some(registry) })
        }
    }
}

/// The language models, none of them loaded, and the one to begin with.
pub(crate) fn registry(
    wanted: config::Models,
    generation: config::Generation,
    shutdown: CancellationToken,
) -> Result<(ModelRegistry, ModelName), Exit> {
    let library = CatalogueLibrary {
        catalogue: catalogue(&wanted)?,
        folder: wanted.models,
        device: wanted.device,
        dtype: generation.dtype,
        place: ComputeDevice::open(wanted.device, generation.dtype).map_err(Exit::config)?,
        threads: wanted.threads,
        context: generation.context,
        cache_bytes: generation.cache_bytes(),
        shared_prompts: generation.shared_prompts()?,
        load_timeout: generation.load_deadline(),
    };
    let first = library.catalogue.get(&wanted.model).map_err(Exit::config)?.name.clone();
    Ok((ModelRegistry::new(library, generation.memory_bytes(), shutdown), first))
}

/// Loads the model to begin with.
pub(crate) async fn load_first(registry: &ModelRegistry, first: &ModelName) -> Result<ModelHandle, Exit> {
    registry.get(first).await.map_err(|problem| Exit::config(anyhow!(problem.detail)))
}

fn catalogue(wanted: &config::Models) -> Result<ModelCatalogue, Exit> {
    match &wanted.catalogue {
        Some(file) => ModelCatalogue::load(file).map_err(Exit::config),
        None => Ok(ModelCatalogue::shipped()),
    }
}

/// Checks the model's files and loads it.
fn load(wanted: &config::Models) -> Result<(ModelName, Embedder), Exit> {
    let catalogue = catalogue(wanted)?;
    let model = catalogue.get(&wanted.model).map_err(Exit::config)?;
    let folder = wanted.models.join(model.name.as_str());
    model.verify(&folder).map_err(Exit::config)?;
    let embedder = Embedder::load(&folder, wanted.device, wanted.threads).map_err(Exit::config)?;
    tracing::info!(model = %model.name, threads = wanted.threads, "the model is loaded");
    Ok((model.name.clone(), embedder))
}
