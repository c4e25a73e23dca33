//! `cortex models list`.

use std::path::PathBuf;

use cortex_models::{Catalogue, Model};
use serde::Serialize;

use super::size;
use crate::exit::{Exit, Failure};
use crate::home::Home;
use crate::show::{self, table};

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
    dir: PathBuf,
    files: Vec<File>,
}

#[derive(Debug, Serialize)]
struct File {
    path: String,
    size: u64,
    sha256: String,
}

pub(super) fn list(home: &Home, catalogue: &Catalogue, json: bool) -> Result<Exit, Failure> {
    let document = Document { models: catalogue.iter().map(|model| listed(home, model)).collect() };
    if json {
        show::json(&document)?;
    } else {
        show::out(&text(&document));
    }
    Ok(Exit::Done)
}

pub(super) fn listed(home: &Home, model: &Model) -> Listed {
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
        dir: model.dir(home.path()),
        files: files.collect(),
    }
}

pub(super) fn text(document: &Document) -> String {
    let rows = document.models.iter().map(|model| {
        let installed = if model.installed { "yes" } else { "no" };
        [model.name.clone(), model.kind.into(), size(model.size), installed.into()]
    });
    table(["NAME", "KIND", "SIZE", "INSTALLED"], rows)
}
