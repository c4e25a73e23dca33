//! The engine for the kind of work that is asked for.

use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use cortex_domain::id::ModelName;
use cortex_inference::embed::Embedder;
use cortex_inference::generate::Shelf;
use cortex_inference::host::{embed, language, metrics};
use cortex_models::Catalogue;
use cortex_runtime::Engine;
use cortex_runtime::echo::Echo;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use crate::chat::{Catalogued, Chat};
use crate::config::{self, Work};
use crate::embed::Embed;
use crate::exit::Exit;
use crate::host;

/// Makes the engine ready; `shutdown` is its way out, should it break for good.
pub(crate) async fn start(work: Work, shutdown: CancellationToken) -> Result<Arc<dyn Engine>, Exit> {
    match work {
        Work::Echo => Ok(Arc::new(Echo)),
        Work::Embed(wanted) => {
            let port = wanted.host_port;
            let loading = spawn_blocking(move || load(&wanted));
            let (model, embedder) = loading.await.map_err(Exit::failed)??;
            if let Some(port) = port {
                host::open(port, embed(model.clone(), embedder.clone()), shutdown.clone()).await?;
            }
            Ok(Arc::new(Embed::new(model, embedder, shutdown)))
        }
        Work::Chat(wanted, generation) => chat(wanted, generation, shutdown).await,
    }
}

async fn chat(
    wanted: config::Models,
    generation: config::Generation,
    shutdown: CancellationToken,
) -> Result<Arc<dyn Engine>, Exit> {
    let library = Catalogued {
        catalogue: catalogue(&wanted)?,
        folder: wanted.models,
        device: wanted.device,
        dtype: generation.dtype,
        threads: wanted.threads,
        context: generation.context,
        cache_bytes: generation.cache_bytes(),
        patience: Duration::from_secs(generation.load_deadline),
    };
    let first = library.catalogue.get(&wanted.model).map_err(Exit::config)?.name.clone();
    let shelf = Shelf::new(library, generation.memory_bytes(), shutdown.clone());
    let loading = shelf.get(&first).await;
    drop(loading.map_err(|problem| Exit::config(anyhow!(problem.detail)))?);
    if let Some(port) = wanted.host_port {
        host::open(port, language(shelf.clone()), shutdown.clone()).await?;
    }
    if let Some(port) = generation.metrics_port {
        host::open(port, metrics(shelf.clone()), shutdown).await?;
    }
    Ok(Arc::new(Chat::new(shelf)))
}

fn catalogue(wanted: &config::Models) -> Result<Catalogue, Exit> {
    match &wanted.catalogue {
        Some(file) => Catalogue::load(file).map_err(Exit::config),
        None => Ok(Catalogue::shipped()),
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
