//! `cortex up`: everything on one machine, until Ctrl-C.

mod banner;
mod bind;
mod child;
mod dev_key;
mod edge;
mod signal;
mod stack;
mod supervise;
mod workers;

use cortex_models::Kind;

pub(crate) use bind::bind;
pub(crate) use child::Child;
pub(crate) use dev_key::ensure as ensure_key;
pub(crate) use edge::Edge;
pub(crate) use signal::Signals;
pub(crate) use stack::{Stack, Want};

use crate::cli::{Part, UpArgs};
use crate::exit::{Exit, Failure};
use crate::home::Home;
use crate::verbs::pull_if_missing;

/// Starts everything, says where it is, and stops it on a signal.
pub(crate) async fn run(home: &Home, args: UpArgs) -> Result<Exit, Failure> {
    let mut signals = Signals::listen()?;
    let want = Want::read(&args)?;
    if want.workers.iter().any(|worker| worker.needs_model()) {
        prepare_model(home, &want).await?;
    }
    let stack = tokio::select! {
        stack = Stack::start(home, want) => stack?,
        () = signals.any() => return Ok(Exit::Done),
    };
    banner::print(home, &stack);
    signals.any().await;
    banner::stopping();
    tokio::select! {
        () = stack.stop(home) => {}
        () = signals.any() => banner::hurried(),
    }
    Ok(Exit::Done)
}

/// The model's files, checked; a corrupt one is named before anything starts.
pub(crate) async fn prepare_model(home: &Home, want: &Want) -> Result<(), Failure> {
    let model = want.config.models.get(want.embeddings_model.as_str());
    let model = model.map_err(|error| Failure::new(Exit::Config, error))?.clone();
    if !matches!(model.kind, Kind::Embedding { .. }) {
        let detail = format!(
            "`{}` is a {} model: --embeddings-model names one that embeds",
            model.name,
            model.kind.name()
        );
        return Err(Failure::message(Exit::Config, detail));
    }
    pull_if_missing(home, &model).await?;
    let dir = model.dir(home.path());
    let verified = tokio::task::spawn_blocking(move || model.verify(&dir)).await?;
    verified.map_err(|error| Failure::new(Exit::Config, error))
}

impl UpArgs {
    /// Whether a part is to run here.
    #[must_use]
    pub(crate) fn with(&self, part: Part) -> bool {
        !self.without.contains(&part)
    }
}
