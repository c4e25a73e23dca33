//! `cortex models list`.

use std::path::PathBuf;

use cortex_api::WorkerView;
use cortex_models::{Model, ModelCatalogue};
use serde::Serialize;

use super::size;
use crate::exit::{Exit, Failure};
use crate::output::{self, table};
use crate::running::Running;
use cortex_client::Api;
use cortex_node::Home;
use cortex_node::Secrets;

/// `cortex models list --json`.
#[derive(Debug, Serialize)]
pub(super) struct Document {
    pub(super) models: Vec<Listed>,
}

#[derive(Debug, Serialize)]
pub(super) struct Listed {
    name: String,
    kind: &'static str,
    /// Bytes of all files.
    size: u64,
    /// Whether every file is there with its size; `cortex models verify` looks closer.
    installed: bool,
    /// The workers that have it loaded.
    loaded: Vec<String>,
    dir: PathBuf,
    files: Vec<File>,
}

#[derive(Debug, Serialize)]
struct File {
    path: String,
    size: u64,
    sha256: String,
}

pub(super) async fn list(home: &Home, catalogue: &ModelCatalogue, json: bool) -> Result<Exit, Failure> {
    let loaded = loaded(home).await;
    let models = catalogue.iter().map(|model| listed(home, model, &loaded));
    let document = Document { models: models.collect() };
    if json {
        output::json(&document)?;
    } else {
        output::out(&text(&document));
    }
    Ok(Exit::Done)
}

/// Which workers of what runs here have which model loaded.
async fn loaded(home: &Home) -> Vec<WorkerView> {
    let Some(running) = Running::read(home) else { return Vec::new() };
    let Ok(secrets) = Secrets::open(home) else { return Vec::new() };
    match Api::new(&running.origin, &secrets.api_key) {
        Ok(api) => api.workers().await.unwrap_or_default(),
        Err(_) => Vec::new(),
    }
}

pub(super) fn listed(home: &Home, model: &Model, workers: &[WorkerView]) -> Listed {
    let has = |worker: &&WorkerView| worker.models.iter().any(|name| name == model.name.as_str());
    let files = model.files.iter().map(|file| File {
        path: file.path.to_string(),
        size: file.size,
        sha256: file.sha256.to_string(),
    });
    Listed {
        name: model.name.to_string(),
        kind: model.kind.name(),
        size: model.size(),
        installed: model.installed(home.path()),
        loaded: workers.iter().filter(has).map(|worker| worker.id.to_string()).collect(),
        dir: model.dir(home.path()),
        files: files.collect(),
    }
}

pub(super) fn text(document: &Document) -> String {
    let rows = document.models.iter().map(|model| {
        let installed = if model.installed { "yes" } else { "no" };
        [model.name.clone(), model.kind.into(), size(model.size), installed.into(), model.loaded.join(", ")]
    });
    table(["NAME", "KIND", "SIZE", "INSTALLED", "LOADED IN"], rows)
}
