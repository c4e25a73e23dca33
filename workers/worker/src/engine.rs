//! The engine for the kind of work that is asked for.

use std::sync::Arc;

use cortex_domain::id::ModelName;
use cortex_inference::embed::Embedder;
use cortex_models::Catalogue;
use cortex_runtime::Engine;
use cortex_runtime::echo::Echo;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

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
                host::open(port, model.clone(), embedder.clone(), shutdown.clone()).await?;
            }
            Ok(Arc::new(Embed::new(model, embedder, shutdown)))
        }
    }
}

/// Checks the model's files and loads it.
fn load(wanted: &config::Embed) -> Result<(ModelName, Embedder), Exit> {
    let catalogue = match &wanted.catalogue {
        Some(file) => Catalogue::load(file).map_err(Exit::config)?,
        None => Catalogue::shipped(),
    };
    let model = catalogue.get(&wanted.model).map_err(Exit::config)?;
    let folder = wanted.models.join(model.name.as_str());
    model.verify(&folder).map_err(Exit::config)?;
    let embedder = Embedder::load(&folder, wanted.device, wanted.threads).map_err(Exit::config)?;
    tracing::info!(model = %model.name, threads = wanted.threads, "the model is loaded");
    Ok((model.name.clone(), embedder))
}
