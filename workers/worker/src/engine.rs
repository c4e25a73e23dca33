//! The engine for the kind of work that is asked for.

use std::sync::Arc;

use cortex_inference::embed::Embedder;
use cortex_models::Catalogue;
use cortex_runtime::Engine;
use cortex_runtime::echo::Echo;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use crate::config;
use crate::config::Work;
use crate::embed::Embed;
use crate::exit::Exit;

/// Makes the engine ready; `shutdown` is its way out, should it break for good.
pub(crate) async fn start(work: Work, shutdown: CancellationToken) -> Result<Arc<dyn Engine>, Exit> {
    match work {
        Work::Echo => Ok(Arc::new(Echo)),
        Work::Embed(wanted) => {
            let loading = spawn_blocking(move || load(&wanted, shutdown));
            Ok(Arc::new(loading.await.map_err(Exit::failed)??))
        }
    }
}

/// Checks the model's files and loads it.
fn load(wanted: &config::Embed, shutdown: CancellationToken) -> Result<Embed, Exit> {
    let catalogue = match &wanted.catalogue {
        Some(file) => Catalogue::load(file).map_err(Exit::config)?,
        None => Catalogue::shipped(),
    };
    let model = catalogue.get(&wanted.model).map_err(Exit::config)?;
    let folder = wanted.models.join(model.name.as_str());
    model.verify(&folder).map_err(Exit::config)?;
    let embedder = Embedder::load(&folder, wanted.device, wanted.threads).map_err(Exit::config)?;
    tracing::info!(model = %model.name, threads = wanted.threads, "the model is loaded");
    Ok(Embed::new(model.name.clone(), embedder, shutdown))
}
