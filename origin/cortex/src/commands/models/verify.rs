//! `cortex models verify`.

use cortex_models::Model;
use serde::Serialize;

use crate::exit::{Exit, Failure};
use crate::output::{self, table};
use cortex_node::Home;

/// `cortex models verify --json`.
#[derive(Debug, Serialize)]
pub(super) struct Document {
    pub(super) models: Vec<Verdict>,
}

#[derive(Debug, Serialize)]
pub(super) struct Verdict {
    pub(super) name: String,
    pub(super) ok: bool,
    /// The file that is wrong, with both hashes if they differ.
    pub(super) error: Option<String>,
}

/// Hashes every file; a wrong one makes the exit code that of a configuration that can't be used.
pub(super) async fn verify(home: &Home, models: Vec<Model>, json: bool) -> Result<Exit, Failure> {
    let home = home.path().to_owned();
    let check = move || models.into_iter().map(|model| verdict(&model, &home)).collect();
    let document = Document { models: tokio::task::spawn_blocking(check).await? };
    for error in document.models.iter().filter_map(|verdict| verdict.error.as_deref()) {
        output::note(&format!("cortex: {error}"));
    }
    if document.models.is_empty() {
        output::note("no model is here: fetch one with `cortex models pull`");
    }
    if json {
        output::json(&document)?;
    } else {
        let rows = document
            .models
            .iter()
            .map(|verdict| [verdict.name.clone(), if verdict.ok { "ok" } else { "wrong" }.into()]);
        output::out(&table(["NAME", "FILES"], rows));
    }
    Ok(exit(&document))
}

pub(super) fn verdict(model: &Model, home: &std::path::Path) -> Verdict {
    let error = model.verify(&model.dir(home)).err().map(|error| error.to_string());
    Verdict { name: model.name.to_string(), ok: error.is_none(), error }
}

pub(super) fn exit(document: &Document) -> Exit {
    if document.models.iter().all(|verdict| verdict.ok) { Exit::Done } else { Exit::Config }
}
