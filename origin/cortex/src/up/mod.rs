//! `cortex up`: everything on one machine, until Ctrl-C.

mod banner;
mod bind;
mod chat_model;
mod child;
mod dev_key;
mod edge;
mod log;
mod signal;
mod stack;
mod supervise;
mod workers;

use cortex_models::{Kind, Model};

pub(crate) use bind::bind;
pub(crate) use chat_model::ChatModel;
pub(crate) use child::Child;
pub(crate) use dev_key::ensure as ensure_key;
pub(crate) use edge::{Edge, variables};
pub(crate) use signal::Signals;
pub(crate) use stack::{Stack, Want};
pub(crate) use workers::worker_program;

use crate::cli::{Part, UpArgs};
use crate::exit::{Exit, Failure};
use crate::home::Home;
use crate::show::note;
use crate::verbs::pull_if_missing;
use workers::Crew;

/// Starts everything, says where it is, and stops it on a signal.
pub(crate) async fn run(home: &Home, args: UpArgs) -> Result<Exit, Failure> {
    let mut signals = Signals::listen()?;
    let mut want = Want::read(&args)?;
    prepare_models(home, &mut want).await?;
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

/// The files of the models that the workers begin with, checked; a corrupt one is named before anything starts.
pub(crate) async fn prepare_models(home: &Home, want: &mut Want) -> Result<(), Failure> {
    if Crew::has(&want.workers, workers::Kind::Embed) {
        prepare(home, embeddings_model(want)?).await?;
    }
    if Crew::has(&want.workers, workers::Kind::Chat) {
        let (model, why) = chat_model::pick(home, &want.config.models, &want.chat_model).await?;
        if let Some(why) = why {
            note(&format!("chat model: {}: {why}", model.name));
        }
        want.chat_model = ChatModel::Named(model.name.clone());
        prepare(home, model).await?;
    }
    Ok(())
}

fn embeddings_model(want: &Want) -> Result<Model, Failure> {
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
    Ok(model)
}

async fn prepare(home: &Home, model: Model) -> Result<(), Failure> {
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
