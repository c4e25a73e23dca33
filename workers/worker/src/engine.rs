//! Starts the engine for the configured kind of work.

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
        Work::Embed(models, ports) => {
            let loading = spawn_blocking(move || load(&models));
            let (model, embedder) = loading.await.map_err(Exit::failed)??;
            if let Some(port) = ports.host {
                let routes = embed(model.clone(), embedder.clone());
                host::open(port, ports.access, routes, shutdown.clone()).await?;
            }
            Ok(Started::without_models(Embed::new(model, embedder, shutdown)))
        }
        Work::Chat(models, generation, ports) => {
            let (registry, first) = registry(models, generation, shutdown.clone())?;
            drop(load_first(&registry, &first).await?);
            if let Some(port) = ports.host {
                host::open(port, ports.access, language(registry.clone()), shutdown).await?;
            }
            let engine = Arc::new(Chat::new(registry.clone()));
            Ok(Started { engine, models: Some(registry) })
        }
    }
}

/// Returns a registry without loaded models, and the name of the first model to load.
pub(crate) fn registry(
    models: config::Models,
    generation: config::Generation,
    shutdown: CancellationToken,
) -> Result<(ModelRegistry, ModelName), Exit> {
    let library = CatalogueLibrary {
        catalogue: catalogue(&models)?,
        folder: models.models,
        device: models.device,
        dtype: generation.dtype,
        place: ComputeDevice::open(models.device, generation.dtype).map_err(Exit::config)?,
        threads: models.threads,
        context: generation.context,
        cache_bytes: generation.cache_bytes(),
        shared_prompts: generation.shared_prompts()?,
        load_timeout: generation.load_deadline(),
    };
    let first = library.catalogue.get(&models.model).map_err(Exit::config)?.name.clone();
    Ok((ModelRegistry::new(library, generation.memory_bytes(), shutdown), first))
}

/// Loads the first model.
pub(crate) async fn load_first(registry: &ModelRegistry, first: &ModelName) -> Result<ModelHandle, Exit> {
    registry.get(first).await.map_err(|problem| Exit::config(anyhow!(problem.detail)))
}

fn catalogue(models: &config::Models) -> Result<ModelCatalogue, Exit> {
    match &models.catalogue {
        Some(file) => ModelCatalogue::load(file).map_err(Exit::config),
        None => Ok(ModelCatalogue::shipped()),
    }
}

/// Checks the model's files and loads the model.
fn load(models: &config::Models) -> Result<(ModelName, Embedder), Exit> {
    let catalogue = catalogue(models)?;
    let model = catalogue.get(&models.model).map_err(Exit::config)?;
    let folder = models.models.join(model.name.as_str());
    model.verify(&folder).map_err(Exit::config)?;
    let embedder = Embedder::load(&folder, models.device, models.threads).map_err(Exit::config)?;
    tracing::info!(model = %model.name, threads = models.threads, "the model is loaded");
    Ok((model.name.clone(), embedder))
}
