//! `cortex models verify`.

use cortex_models::Model;
use cortex_node::Home;
use serde::Serialize;

use crate::exit::{Exit, Failure};
use crate::output::{self, Column, table};

/// The output of `cortex models verify --json`.
#[derive(Debug, Serialize)]
pub(super) struct VerifyView {
    pub(super) models: Vec<VerifiedModel>,
}

#[derive(Debug, Serialize)]
pub(super) struct VerifiedModel {
    pub(super) name: String,
    pub(super) ok: bool,
    /// The file that is missing or corrupt, with both hashes if they differ.
    pub(super) error: Option<String>,
}

/// Hashes every file. Returns [`Exit::Config`] if one is missing or corrupt.
pub(super) async fn verify(home: &Home, models: Vec<Model>, json: bool) -> Result<Exit, Failure> {
    let home = home.path().to_owned();
    let check = move || models.into_iter().map(|model| check(&model, &home)).collect();
    let view = VerifyView { models: tokio::task::spawn_blocking(check).await? };
    for error in view.models.iter().filter_map(|model| model.error.as_deref()) {
        output::note(&format!("cortex: {error}"));
    }
    if view.models.is_empty() {
        output::note("no model is installed: download one with `cortex models pull`");
    }
    if json {
        output::print_json(&view)?;
    } else {
        let rows = view
            .models
            .iter()
            .map(|model| [model.name.clone(), if model.ok { "ok" } else { "corrupt" }.into()]);
        output::print(&table([Column::fixed("NAME"), Column::fixed("FILES")], rows))?;
    }
    Ok(exit(&view))
}

pub(super) fn check(model: &Model, home: &std::path::Path) -> VerifiedModel {
    let error = model.verify(&model.dir(home)).err().map(|error| error.to_string());
    VerifiedModel { name: model.name.to_string(), ok: error.is_none(), error }
}

pub(super) fn exit(view: &VerifyView) -> Exit {
    if view.models.iter().all(|model| model.ok) { Exit::Done } else { Exit::Config }
}
