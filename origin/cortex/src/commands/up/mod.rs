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
use cortex_node::Home;
use cortex_platform::signals::Signals;

pub(crate) use args::{StackArgs, UpArgs};
pub(crate) use bind::{bind, bind_apis, bind_metrics};
pub(crate) use chat_model::ChatModel;
pub(crate) use chat_workers::ChatWorkerArgs;
pub(crate) use child::Child;
pub(crate) use config::{UpConfig, invalid_edge_url};
pub(crate) use dev_key::ensure as ensure_key;
pub(crate) use edge::{Edge, can_run_edge, variables};
pub(crate) use stack::Stack;
pub(crate) use workers::worker_program;

use crate::commands::models::{pull_if_missing, unknown_model};
use crate::exit::{Exit, Failure};
use crate::output::{note, report};
use workers::WorkerKind;

/// Starts everything, prints the addresses, and stops on a signal.
pub(crate) async fn run(home: &Home, args: UpArgs) -> Result<Exit, Failure> {
    let mut signals = Signals::listen()?;
    let mut config = UpConfig::read(args)?;
    prepare_models(home, &mut config).await?;
    let stack = tokio::select! {
        stack = Stack::start(home, config) => stack?,
        () = signals.any() => return Ok(Exit::Done),
    };
    // A full disk behind standard output is no reason to stop a server.
    if let Err(failure) = banner::print_banner(home, &stack) {
        report(&failure);
    }
    signals.any().await;
    banner::print_stopping();
    tokio::select! {
        () = stack.stop(home) => {}
        () = signals.any() => banner::print_stopped_early(),
    }
    Ok(Exit::Done)
}

/// Downloads and verifies the models that the workers load at the start.
pub(crate) async fn prepare_models(home: &Home, config: &mut UpConfig) -> Result<(), Failure> {
    if config.has(WorkerKind::Embed) {
        prepare(home, embeddings_model(config)?).await?;
    }
    if config.has(WorkerKind::Chat) {
        let (model, reason) =
            chat_model::pick(home, &config.node.models, &config.args.stack.chat_model).await?;
        if let Some(reason) = reason {
            note(&format!("chat model: {}: {reason}", model.name));
        }
        config.args.stack.chat_model = ChatModel::Named(model.name.clone());
        prepare(home, model).await?;
    }
    Ok(())
}

fn embeddings_model(config: &UpConfig) -> Result<Model, Failure> {
    let model = config.node.models.get(config.args.stack.embeddings_model.as_str());
    let model = model.map_err(|error| unknown_model(Exit::Config, error))?.clone();
    if !matches!(model.kind, ModelKind::Embedding { .. }) {
        let (name, kind) = (&model.name, model.kind.name());
        let message =
            format!("--embeddings-model {name}: expected an embedding model, but it is of kind {kind}");
        return Err(Failure::message(Exit::Config, message, "`cortex models list` shows the kinds"));
    }
    Ok(model)
}

async fn prepare(home: &Home, model: Model) -> Result<(), Failure> {
    pull_if_missing(home, &model).await?;
    let help = format!("run `cortex models pull {}`", model.name);
    let dir = model.dir(home.path());
    let verified = tokio::task::spawn_blocking(move || model.verify(&dir)).await?;
    verified.map_err(|error| Failure::new(Exit::Config, error, help))
}
