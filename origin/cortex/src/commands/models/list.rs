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
pub(super) struct ModelListView {
    pub(super) models: Vec<ModelEntry>,
}

#[derive(Debug, Serialize)]
pub(super) struct ModelEntry {
    name: String,
    kind: &'static str,
    /// Bytes of all files.
    size: u64,
    /// Whether every file is there with its size; `cortex models verify` looks closer.
    installed: bool,
    /// The workers that have it loaded.
    loaded: Vec<String>,
    dir: PathBuf,
    files: Vec<FileEntry>,
}

#[derive(Debug, Serialize)]
struct FileEntry {
    path: String,
    size: u64,
    sha256: String,
}

pub(super) async fn list(home: &Home, catalogue: &ModelCatalogue, json: bool) -> Result<Exit, Failure> {
    let loaded = loaded(home).await;
    let models = catalogue.iter().map(|model| entry(home, model, &loaded));
    let view = ModelListView { models: models.collect() };
    if json {
        output::json(&view)?;
    } else {
        output::out(&text(&view));
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

pub(super) fn entry(home: &Home, model: &Model, workers: &[WorkerView]) -> ModelEntry {
    let has = |worker: &&WorkerView| worker.models.iter().any(|name| name == model.name.as_str());
    let files = model.files.iter().map(|file| FileEntry {
        path: file.path.to_string(),
        size: file.size,
        sha256: file.sha256.to_string(),
    });
    ModelEntry {
        name: model.name.to_string(),
        kind: model.kind.name(),
        size: model.size(),
        installed: model.installed(home.path()),
        loaded: workers.iter().filter(has).map(|worker| worker.id.to_string()).collect(),
        dir: model.dir(home.path()),
        files: files.collect(),
    }
}

pub(super) fn text(view: &ModelListView) -> String {
    let rows = view.models.iter().map(|model| {
        let installed = if model.installed { "yes" } else { "no" };
        [model.name.clone(), model.kind.into(), size(model.size), installed.into(), model.loaded.join(", ")]
    });
    table(["NAME", "KIND", "SIZE", "INSTALLED", "LOADED IN"], rows)
}
