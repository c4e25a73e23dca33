//! `cortex status`: what runs on this machine.

mod view;

use cortex_api::WorkerView;
use cortex_client::{Api, CallError};
use cortex_node::{Home, Secrets};
use reqwest::StatusCode;

use self::view::StatusView;
use super::health;
use crate::args::secret;
use crate::config::Ports;
use crate::exit::{Exit, Failure};
use crate::output::{self, Column, fields, table};
use crate::ports;
use crate::running::Running;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// A file with the origin's local key, if `cortex up` was started with one [default: the key in
    /// the home folder]
    #[arg(long, env = "API_KEY", hide_env_values = true, value_name = "@FILE", value_parser = secret::read)]
    pub(crate) api_key: Option<String>,
}

/// Prints what runs on this machine. Nothing is a valid answer.
///
/// # Errors
/// Returns an error if the secrets can't be read or the output can't be written.
pub(crate) async fn run(home: &Home, args: Args, json: bool) -> Result<Exit, Failure> {
    let running = Running::read(home);
    let view = match running {
        Some(running) => started(home, running, args.api_key).await?,
        None => StatusView::not_running(Ports::from_env()?),
    };
    if json {
        output::print_json(&view)?;
    } else {
        output::print(&text(&view))?;
    }
    Ok(Exit::Done)
}

async fn started(home: &Home, running: Running, key: Option<String>) -> Result<StatusView, Failure> {
    let key = key.map_or_else(|| Secrets::open(home).map(|secrets| secrets.api_key), Ok)?;
    let api = Api::new(&running.origin, &key)?;
    let (parts, workers, models) =
        tokio::join!(health::check_components(&running), api.workers(), api.models());
    let models = or_none("models", models).into_iter().map(|model| model.id).collect();
    Ok(StatusView::of(running, parts, or_none("workers", workers), models, ports::find_owner))
}

/// Returns a list, or none with a note that says why.
fn or_none<T>(what: &str, response: Result<Vec<T>, CallError>) -> Vec<T> {
    response.unwrap_or_else(|error| {
        output::note(&unavailable(what, &error));
        Vec::new()
    })
}

fn unavailable(what: &str, error: &CallError) -> String {
    match error {
        CallError::Refused(refused) if refused.status == StatusCode::UNAUTHORIZED => {
            format!(
                "can't list the {what}: the origin has another local key; pass the one that `cortex up` was started with, by --api-key @FILE or API_KEY"
            )
        }
        error => format!("can't list the {what}: {error}"),
    }
}

fn text(view: &StatusView) -> String {
    let Some(pid) = view.pid else {
        return "CortexOS is not running on this machine: start it with `cortex up`".into();
    };
    let models = if view.models.is_empty() { "-".into() } else { view.models.join(", ") };
    let mut blocks = vec![
        fields([("process id", pid.to_string()), ("installed models", models)]),
        health::text(&view.check_components()),
    ];
    if !view.workers.is_empty() {
        blocks.push(workers(&view.workers));
    }
    if !view.processes.is_empty() {
        let rows =
            view.processes.iter().map(|process| [process.name.clone(), process.log.display().to_string()]);
        blocks.push(table([Column::fixed("PROCESS"), Column::fixed("LOG")], rows));
    }
    blocks.join("\n\n")
}

/// Returns a table of workers.
pub(super) fn workers(workers: &[WorkerView]) -> String {
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
    let columns = [
        Column::fixed("WORKER"),
        Column::fixed("POOL"),
        Column::text("TOPICS"),
        Column::fixed("BUSY"),
        Column::optional("MEMORY", 2),
        Column::optional("FREE", 3),
        Column::optional("PID", 1),
        Column::fixed("STATE"),
    ];
    table(columns, rows)
}

fn mebibytes(bytes: u64) -> String {
    if bytes == 0 { "-".into() } else { format!("{} MiB", bytes / (1024 * 1024)) }
}

#[cfg(test)]
mod tests;
