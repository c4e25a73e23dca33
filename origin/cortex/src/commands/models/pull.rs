//! `cortex models pull`.

use std::path::PathBuf;

use cortex_models::{Model, PullError, SourceError};
use cortex_node::Home;
use serde::Serialize;

use super::pull_progress::PullProgress;
use super::size;
use crate::exit::{Exit, Failure};
use crate::output;

/// The output of `cortex models pull --json`.
#[derive(Debug, Serialize)]
struct PullView {
    name: String,
    dir: PathBuf,
    /// The bytes of all files.
    size: u64,
    /// Whether files were downloaded.
    fetched: bool,
}

pub(super) async fn pull(home: &Home, model: &Model, json: bool) -> Result<Exit, Failure> {
    let fetched = !is_verified(home, model).await?;
    let dir = if fetched { fetch(home, model).await? } else { model.dir(home.path()) };
    if json {
        let view = PullView { name: model.name.to_string(), dir, size: model.size(), fetched };
        output::print_json(&view)?;
    } else {
        let how = if fetched { "downloaded and verified" } else { "already installed, verified" };
        output::print(&format!("{}  {}  {how}  {}", model.name, size(model.size()), dir.display()))?;
    }
    Ok(Exit::Done)
}

/// Downloads a model if a file is missing. Doesn't read the files that are there.
///
/// # Errors
/// Returns an error if the model can't be downloaded.
pub(crate) async fn pull_if_missing(home: &Home, model: &Model) -> Result<(), Failure> {
    if !model.installed(home.path()) {
        fetch(home, model).await?;
    }
    Ok(())
}

async fn is_verified(home: &Home, model: &Model) -> Result<bool, Failure> {
    let (model, dir) = (model.clone(), model.dir(home.path()));
    Ok(tokio::task::spawn_blocking(move || model.verify(&dir).is_ok()).await?)
}

/// Tries the sources in their order, one at a time, so that each failure is printed when it
/// happens.
async fn fetch(home: &Home, model: &Model) -> Result<PathBuf, Failure> {
    let progress = PullProgress::new(model.name.as_str());
    let mut refusals: Vec<(String, SourceError)> = Vec::new();
    for source in &model.sources {
        let one = Model { sources: vec![source.clone()], ..model.clone() };
        let pulled = cortex_models::pull(&one, home.path(), |done| progress.show(done)).await;
        match pulled {
            Ok(dir) => {
                progress.clear();
                return Ok(dir);
            }
            Err(PullError::NoSource { refusals: more, .. }) => {
                for (source, refusal) in more {
                    progress.note(&format!("{}: {source}: {refusal}", model.name));
                    refusals.push((source, refusal));
                }
            }
            Err(error) => return Err(failure(error)),
        }
    }
    progress.clear();
    let (name, dir) = (model.name.to_string(), model.dir(home.path()));
    Err(failure(PullError::NoSource { model: name, dir, refusals }))
}

pub(super) fn failure(error: PullError) -> Failure {
    let exit = match &error {
        PullError::Unwritable { .. } => Exit::Config,
        PullError::Busy { .. } | PullError::NoSource { .. } => Exit::Unavailable,
    };
    let help = match &error {
        PullError::Unwritable { .. } => "`cortex doctor` checks the home folder and its disk",
        PullError::Busy { .. } => "wait until the other download has ended, then run the command again",
        PullError::NoSource { .. } => {
            "connect to the network, or name a source that you can reach in --models FILE"
        }
    };
    Failure::new(exit, error, help)
}
