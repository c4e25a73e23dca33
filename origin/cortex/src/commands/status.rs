//! `cortex status`: what runs on this machine.

use crate::args::secret;
mod view;

use cortex_api::WorkerView;
use reqwest::StatusCode;

use self::view::StatusView;
use super::health;
use crate::config::Ports;
use crate::exit::{Exit, Failure};
use crate::output::{self, fields, table};
use crate::ports;
use crate::running::Running;
use cortex_client::{Api, CallError};
use cortex_node::Home;
use cortex_node::Secrets;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// A file with the key of local callers, where `cortex up` was given one [default: the one that is kept]
    #[arg(long, env = "API_KEY", hide_env_values = true, value_name = "@FILE", value_parser = secret::read)]
    pub(crate) api_key: Option<String>,
}

/// Tells what runs; that nothing does is an answer like any other.
///
/// # Errors
/// If the answer can't be written.
pub(crate) async fn run(home: &Home, args: Args, json: bool) -> Result<Exit, Failure> {
    let running = Running::read(home);
    let document = match running {
        Some(running) => started(home, running, args.api_key).await?,
        None => StatusView::nothing(Ports::from_env()?),
    };
    if json {
        output::json(&document)?;
    } else {
        output::out(&text(&document));
    }
    Ok(Exit::Done)
}

async fn started(home: &Home, running: Running, key: Option<String>) -> Result<StatusView, Failure> {
    let key = key.map_or_else(|| Secrets::open(home).map(|secrets| secrets.api_key), Ok)?;
    let api = Api::new(&running.origin, &key)?;
    let (parts, workers, models) =
        tokio::join!(health::check_components(&running), api.workers(), api.models());
    let models = told("models", models).into_iter().map(|model| model.id).collect();
    Ok(StatusView::of(running, parts, told("workers", workers), models, ports::find_owner))
}

fn told<T>(what: &str, answered: Result<Vec<T>, CallError>) -> Vec<T> {
    answered.unwrap_or_else(|error| {
        output::note(&untold(what, &error));
        Vec::new()
    })
}

fn untold(what: &str, error: &CallError) -> String {
    match error {
        CallError::Refused(refused) if refused.status == StatusCode::UNAUTHORIZED => {
            format!(
                "the origin tells its {what} to who has its key: name the one that `cortex up` was given with --api-key or API_KEY"
            )
        }
        error => format!("the origin does not tell its {what}: {error}"),
    }
}

fn text(document: &StatusView) -> String {
    let Some(pid) = document.pid else { return "nothing runs here: start it with `cortex up`".into() };
    let models = if document.models.is_empty() { "-".into() } else { document.models.join(", ") };
    let mut blocks = vec![
        fields([("up", format!("process {pid}")), ("models", models)]),
        health::text(&document.check_components()),
    ];
    if !document.workers.is_empty() {
        blocks.push(workers(&document.workers));
    }
    if !document.processes.is_empty() {
        let rows = document
            .processes
            .iter()
            .map(|process| [process.name.clone(), process.log.display().to_string()]);
        blocks.push(table(["PROCESS", "LOG"], rows));
    }
    blocks.join("\n\n")
}

fn workers(workers: &[WorkerView]) -> String {
    let rows = workers.iter().map(|worker| {
        [
            worker.id.to_string(),
            worker.pool.to_string(),
            worker.topics.join(" "),
            format!("{}/{}", worker.in_flight, worker.capacity),
            mebibytes(worker.resident),
            mebibytes(worker.memory_free),
            worker.pid.to_string(),
            if worker.draining { "draining" } else { "ready" }.into(),
        ]
    });
    table(["WORKER", "POOL", "TOPICS", "BUSY", "MEMORY", "FREE", "PID", "STATE"], rows)
}

fn mebibytes(bytes: u64) -> String {
    if bytes == 0 { "-".into() } else { format!("{} MiB", bytes / (1024 * 1024)) }
}

#[cfg(test)]
mod tests;
