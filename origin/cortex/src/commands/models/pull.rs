//! `cortex models pull`.

use std::path::PathBuf;

use cortex_models::{Model, PullError, SourceError};
use serde::Serialize;

use super::pull_progress::PullProgress;
use super::size;
use crate::exit::{Exit, Failure};
use crate::output;
use cortex_node::Home;

/// `cortex models pull --json`.
#[derive(Debug, Serialize)]
struct PullView {
    name: String,
    dir: PathBuf,
    /// Bytes of all files.
    size: u64,
    /// Whether anything had to be fetched.
    fetched: bool,
}

pub(super) async fn pull(home: &Home, model: &Model, json: bool) -> Result<Exit, Failure> {
    let fetched = !is_sound(home, model).await?;
    let dir = if fetched { fetch(home, model).await? } else { model.dir(home.path()) };
    if json {
        let document = PullView { name: model.name.to_string(), dir, size: model.size(), fetched };
        output::json(&document)?;
    } else {
        let how = if fetched { "fetched and checked" } else { "already here, and checked" };
        output::out(&format!("{}  {}  {how}  {}", model.name, size(model.size()), dir.display()));
    }
    Ok(Exit::Done)
}

/// Fetches a model of which files lack; what is here is not read.
///
/// # Errors
/// If it can't be fetched.
pub(crate) async fn pull_if_missing(home: &Home, model: &Model) -> Result<(), Failure> {
    if !model.installed(home.path()) {
        fetch(home, model).await?;
    }
    Ok(())
}

async fn is_sound(home: &Home, model: &Model) -> Result<bool, Failure> {
    let (model, dir) = (model.clone(), model.dir(home.path()));
    Ok(tokio::task::spawn_blocking(move || model.verify(&dir).is_ok()).await?)
}

/// Tries the sources in their order, one at a time so that each one's failure is told when it happens.
async fn fetch(home: &Home, model: &Model) -> Result<PathBuf, Failure> {
    let progress_bar = PullProgress::new(model.name.as_str());
    let mut refusals: Vec<(String, SourceError)> = Vec::new();
    for source in &model.sources {
        let one = Model { sources: vec![source.clone()], ..model.clone() };
        let pulled = cortex_models::pull(&one, home.path(), |progress| progress_bar.show(progress)).await;
        match pulled {
            Ok(dir) => {
                progress_bar.clear();
                return Ok(dir);
            }
            Err(PullError::NoSource { refusals: more, .. }) => {
                for (source, refusal) in more {
                    progress_bar.note(&format!("{}: {source}: {refusal}", model.name));
                    refusals.push((source, refusal));
                }
            }
            Err(error) => return Err(failure(error)),
        }
    }
    progress_bar.clear();
    let (name, dir) = (model.name.to_string(), model.dir(home.path()));
    Err(failure(PullError::NoSource { model: name, dir, refusals }))
}

pub(super) fn failure(error: PullError) -> Failure {
    let exit = match &error {
        PullError::Unwritable { .. } => Exit::Config,
        PullError::Busy { .. } | PullError::NoSource { .. } => Exit::Unavailable,
    };
    Failure::new(exit, error)
}
