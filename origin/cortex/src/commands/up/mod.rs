//! `cortex up`: everything on one machine, until Ctrl-C.

mod args;
mod banner;
mod bind;
mod chat_model;
mod chat_workers;
mod child;
mod config;
mod dev_key;
mod edge;
mod log;
mod stack;
mod supervise;
mod workers;

use cortex_models::{Model, ModelKind};
use cortex_platform::signals::Signals;

pub(crate) use args::UpArgs;
pub(crate) use bind::{bind, bind_node};
pub(crate) use chat_model::ChatModel;
pub(crate) use chat_workers::ChatWorkerArgs;
pub(crate) use child::Child;
pub(crate) use config::UpConfig;
pub(crate) use dev_key::ensure as ensure_key;
pub(crate) use edge::{Edge, variables};
pub(crate) use stack::Stack;
pub(crate) use workers::worker_program;

use crate::commands::models::pull_if_missing;
use crate::exit::{Exit, Failure};
use crate::output::note;
use cortex_node::Home;
use workers::WorkerKind;

/// Starts everything, says where it is, and stops it on a signal.
pub(crate) async fn run(home: &Home, args: UpArgs) -> Result<Exit, Failure> {
    let mut signals = Signals::listen()?;
    let mut config = UpConfig::read(args)?;
    prepare_models(home, &mut config).await?;
    let stack = tokio::select! {
        stack = Stack::start(home, config) => stack?,
        () = signals.any() => return Ok(Exit::Done),
    };
    banner::print(home, &stack);
    signals.any().await;
    banner::stopping();
    tokio::select! {
        () = stack.stop(home) => {}
        () = signals.any() => banner::stopped_early(),
    }
    Ok(Exit::Done)
}

/// The files of the models that the workers begin with, checked; a corrupt one is named before anything starts.
pub(crate) async fn prepare_models(home: &Home, config: &mut UpConfig) -> Result<(), Failure> {
    if config.has(WorkerKind::Embed) {
        prepare(home, embeddings_model(config)?).await?;
    }
    if config.has(WorkerKind::Chat) {
        let (model, why) = chat_model::pick(home, &config.node.models, &config.args.chat_model).await?;
        if let Some(why) = why {
            note(&format!("chat model: {}: {why}", model.name));
        }
        config.args.chat_model = ChatModel::Named(model.name.clone());
        prepare(home, model).await?;
    }
    Ok(())
}

fn embeddings_model(config: &UpConfig) -> Result<Model, Failure> {
    let model = config.node.models.get(config.args.embeddings_model.as_str());
    let model = model.map_err(|error| Failure::new(Exit::Config, error))?.clone();
    if !matches!(model.kind, ModelKind::Embedding { .. }) {
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
