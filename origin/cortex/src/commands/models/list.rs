//! `cortex models list`.

use std::path::PathBuf;

use cortex_api::WorkerView;
use cortex_client::Api;
use cortex_models::{Model, ModelCatalogue};
use cortex_node::{Home, Secrets};
use serde::Serialize;

use super::size;
use crate::exit::{Exit, Failure};
use crate::output::{self, Column, table};
use crate::running::Running;

/// The output of `cortex models list --json`.
#[derive(Debug, Serialize)]
pub(super) struct ModelListView {
    pub(super) models: Vec<ModelEntry>,
}

#[derive(Debug, Serialize)]
pub(super) struct ModelEntry {
    name: String,
    kind: &'static str,
    /// The bytes of all files.
    size: u64,
    /// Whether every file is there with its size. `cortex models verify` also checks the hashes.
    installed: bool,
    /// The workers that have the model loaded.
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
    let workers = connected_workers(home).await;
    let models = catalogue.iter().map(|model| entry(home, model, &workers));
    let view = ModelListView { models: models.collect() };
    if json {
        output::print_json(&view)?;
    } else {
        output::print(&text(&view))?;
    }
    Ok(Exit::Done)
}

/// Returns the workers of the CortexOS that runs here, none if it can't be asked.
async fn connected_workers(home: &Home) -> Vec<WorkerView> {
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
    let columns = [
        Column::fixed("NAME"),
        Column::optional("KIND", 2),
        Column::optional("SIZE", 1),
        Column::fixed("INSTALLED"),
        Column::text("LOADED IN"),
    ];
    table(columns, rows)
}
