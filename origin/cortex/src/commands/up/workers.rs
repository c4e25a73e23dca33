//! The worker processes.

use std::path::PathBuf;

use cortex_domain::id::Pool;
use cortex_node::Route;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::args::UpArgs;
use super::supervise::supervise;
use crate::exit::{Exit, Failure};
use crate::program;
use crate::running::Process;
use cortex_node::Home;

/// The kinds of worker that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WorkerKind {
    Echo,
    Embed,
    Chat,
}

impl WorkerKind {
    pub(crate) const ALL: [Self; 3] = [Self::Echo, Self::Embed, Self::Chat];

    /// The pool that its workers join.
    pub(crate) fn pool(self) -> Pool {
        self.name().parse().expect("a kind's name is a pool's")
    }

    fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Embed => "embed",
            Self::Chat => "chat",
        }
    }
}

/// So many workers of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WorkerSpec {
    pub(crate) kind: WorkerKind,
    pub(crate) count: u16,
}

impl WorkerSpec {
    /// Reads `KIND=N`.
    ///
    /// # Errors
    /// If it reads otherwise.
    pub(crate) fn read(text: &str) -> Result<Self, Failure> {
        let wrong = || {
            Failure::message(
                Exit::Config,
                format!("--workers {text}: write KIND=N, with a KIND of echo, embed or chat"),
            )
        };
        let (kind, count) = text.split_once('=').ok_or_else(wrong)?;
        let kind = match kind.trim() {
            "echo" => WorkerKind::Echo,
            "embed" => WorkerKind::Embed,
            "chat" => WorkerKind::Chat,
            _ => return Err(wrong()),
        };
        Ok(Self { kind, count: count.trim().parse().map_err(|_| wrong())? })
    }
}

/// What a worker is started with.
#[derive(Clone)]
pub(crate) struct WorkerLaunch {
    pub(crate) program: PathBuf,
    pub(crate) link: Route,
    /// By which a worker of each kind joins, as the kinds are ordered.
    pub(crate) tokens: [String; 3],
    pub(crate) args: UpArgs,
    pub(crate) home: PathBuf,
    /// What callers of a model host show where it is reached by names beside those of loopback.
    pub(crate) host_key: String,
}

/// `cortex-worker` lies beside this program.
///
/// # Errors
/// If it doesn't.
pub(crate) fn worker_program() -> Result<PathBuf, Failure> {
    let program = std::env::current_exe()?.with_file_name("cortex-worker");
    if program.is_file() {
        return Ok(program);
    }
    let detail = format!("{} is missing: build it with `cargo build -p cortex-worker`", program.display());
    Err(Failure::message(Exit::Config, detail))
}

impl WorkerLaunch {
    /// For the `n`th of its kind, counted from 0.
    fn command(&self, kind: WorkerKind, id: &str, n: u16) -> Command {
        let mut command = Command::from(program::own_command(&self.program));
        command.args(["--kind", kind.name(), "--id", id, "--link"]).arg(self.link.to_string());
        // They are for workers whose origin is elsewhere.
        command.env_remove("CORTEX_LINK_CERTIFICATE").env_remove("CORTEX_LINK_FINGERPRINT");
        command.env("CORTEX_LINK_TOKEN", &self.tokens[kind as usize]).env("CORTEX_HOME", &self.home);
        let served = match kind {
            WorkerKind::Echo => None,
            WorkerKind::Embed => Some((self.args.embeddings_model.to_string(), self.args.host_port)),
            WorkerKind::Chat => Some((self.args.chat_model.to_string(), self.args.chat_port)),
        };
        if let Some((model, port)) = served {
            command.args(["--model", &model]);
            if let Some(models) = &self.args.config.models {
                command.arg("--catalogue").arg(models);
            }
            // One of them is the model host.
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
            command.args(self.args.chat_workers.arguments(n));
        }
        command
    }
}

/// Starts the workers and keeps them running until `stop`.
pub(crate) fn start(
    home: &Home,
    wanted: &[WorkerSpec],
    launch: &WorkerLaunch,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> Vec<Process> {
    let mut processes = Vec::new();
    for wanted in wanted {
        for n in 1..=wanted.count {
            let name = format!("{}-{n}", wanted.kind.name());
            let log = home.logs().join(format!("{name}.log"));
            processes.push(Process { name: name.clone(), log: log.clone() });
            let (launch, kind, id) = (launch.clone(), wanted.kind, name.clone());
            let command = move || launch.command(kind, &id, n - 1);
            // Its link tells when a worker is silent.
            tasks.spawn(supervise(name, log, command, std::future::pending, stop.clone()));
        }
    }
    processes
}
