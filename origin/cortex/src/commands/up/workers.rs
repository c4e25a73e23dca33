//! The worker processes.

use std::path::PathBuf;

use cortex_domain::id::Pool;
use cortex_node::{Home, Route, WorkerMetrics};
use tokio::process::Command;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::args::UpArgs;
use super::supervise::supervise;
use crate::exit::{Exit, Failure};
use crate::program;
use crate::running::Process;

/// The kinds of worker that `cortex up` starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WorkerKind {
    Echo,
    Embed,
    Chat,
}

impl WorkerKind {
    pub(crate) const ALL: [Self; 3] = [Self::Echo, Self::Embed, Self::Chat];

    /// Returns the pool of its workers.
    pub(crate) fn pool(self) -> Pool {
        self.name().parse().expect("the name of a kind is the name of a pool")
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Embed => "embed",
            Self::Chat => "chat",
        }
    }
}

/// A number of workers of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WorkerSpec {
    pub(crate) kind: WorkerKind,
    pub(crate) count: u16,
}

impl WorkerSpec {
    /// Parses `KIND=N`.
    ///
    /// # Errors
    /// Returns an error if the kind or the number is invalid.
    pub(crate) fn read(text: &str) -> Result<Self, Failure> {
        let invalid = || {
            let kinds = WorkerKind::ALL.map(WorkerKind::name).join(", ");
            let message = format!("invalid --workers {text}: expected KIND=N, where KIND is one of {kinds}");
            Failure::message(Exit::Config, message, "write it as in --workers echo=1,embed=1,chat=1")
        };
        let (kind, count) = text.split_once('=').ok_or_else(invalid)?;
        let kind = WorkerKind::from_name(kind.trim()).ok_or_else(invalid)?;
        Ok(Self { kind, count: count.trim().parse().map_err(|_| invalid())? })
    }
}

/// The parameters for starting workers.
#[derive(Clone)]
pub(crate) struct WorkerLaunch {
    pub(crate) program: PathBuf,
    pub(crate) link: Route,
    /// The connection tokens, in the order of [`WorkerKind::ALL`].
    pub(crate) tokens: [String; WorkerKind::ALL.len()],
    pub(crate) args: UpArgs,
    pub(crate) home: Home,
    /// The key that a model host requires if it is reachable under other host names than those of
    /// loopback.
    pub(crate) host_key: String,
}

/// Returns the path of `cortex-worker`, which is next to this program.
///
/// # Errors
/// Returns an error if it is missing.
pub(crate) fn worker_program() -> Result<PathBuf, Failure> {
    let program = std::env::current_exe()?.with_file_name("cortex-worker");
    if program.is_file() {
        return Ok(program);
    }
    let message = format!("{} is missing", program.display());
    Err(Failure::message(Exit::Config, message, "run `cargo build -p cortex-worker`"))
}

impl WorkerLaunch {
    /// Returns the command of the `n`th worker of its kind, counted from 0.
    fn command(&self, kind: WorkerKind, id: &str, n: u16) -> Command {
        let mut command = Command::from(program::own_command(&self.program));
        command.args(["--kind", kind.name(), "--id", id, "--link"]).arg(self.link.to_string());
        // These are for workers of an origin on another machine.
        command.env_remove("CORTEX_LINK_CERTIFICATE").env_remove("CORTEX_LINK_FINGERPRINT");
        command.env("CORTEX_LINK_TOKEN", &self.tokens[kind as usize]).env("CORTEX_HOME", self.home.path());
        command.arg("--metrics-socket").arg(self.home.metrics_socket(id));
        let served = match kind {
            WorkerKind::Echo => None,
            WorkerKind::Embed => Some((self.args.stack.embeddings_model.to_string(), self.args.host_port)),
            WorkerKind::Chat => Some((self.args.stack.chat_model.to_string(), self.args.chat_port)),
        };
        if let Some((model, port)) = served {
            command.args(["--model", &model]);
            if let Some(models) = &self.args.stack.config.models {
                command.arg("--catalogue").arg(models);
            }
            // The first worker is the model host.
            if n == 0 && port != 0 {
                command.args(["--host-port", &port.to_string()]);
                for host in &self.args.allowed_hosts {
                    command
                        .args(["--allowed-host", &host.to_string()])
                        .env("CORTEX_HOST_KEY", &self.host_key);
                }
            }
        }
        if kind == WorkerKind::Chat {
            command.args(self.args.stack.chat_workers.arguments());
        }
        command
    }
}

/// Returns the workers with their kind and their number within it, counted from 0.
fn workers(specs: &[WorkerSpec]) -> impl Iterator<Item = (String, WorkerKind, u16)> {
    specs.iter().flat_map(|WorkerSpec { kind, count }| {
        (0..*count).map(|n| (format!("{}-{}", kind.name(), n + 1), *kind, n))
    })
}

/// Returns where the workers serve their metrics.
pub(crate) fn metrics(home: &Home, specs: &[WorkerSpec]) -> Vec<WorkerMetrics> {
    let of = |(worker, ..): (String, WorkerKind, u16)| {
        let socket = home.metrics_socket(&worker);
        WorkerMetrics { worker, socket }
    };
    workers(specs).map(of).collect()
}

/// Starts the workers and keeps them running until `stop`.
pub(crate) fn start(
    specs: &[WorkerSpec],
    launch: &WorkerLaunch,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> Vec<Process> {
    let mut processes = Vec::new();
    for (name, kind, n) in workers(specs) {
        let log = launch.home.logs().join(format!("{name}.log"));
        processes.push(Process { name: name.clone(), log: log.clone() });
        let (launch, id) = (launch.clone(), name.clone());
        let command = move || launch.command(kind, &id, n);
        // The origin notices an unresponsive worker by its link.
        tasks.spawn(supervise(name, log, command, std::future::pending, stop.clone()));
    }
    processes
}
