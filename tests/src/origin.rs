//! A real origin with its workers: `cortex up --without edge`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::api::Api;
use crate::home::Home;
use crate::process::{self, Process, binary};
use crate::{ports, wait};

/// How long the origin and its workers may take to start. The first start of a model is the
/// slowest.
const READY_TIMEOUT: Duration = Duration::from_secs(60);

/// How an origin is started.
#[derive(Debug, Clone)]
pub struct Setup {
    pub port: u16,
    /// The port of the gRPC API, or 0 to disable it.
    pub grpc_port: u16,
    /// 0 disables the metrics.
    pub metrics_port: u16,
    /// The URL of the span collector.
    pub otlp: Option<String>,
    /// The port of the chat model host, or 0 to disable it.
    pub chat_port: u16,
    /// The workers of each kind, such as `echo=1,embed=1`.
    pub workers: String,
    pub edge_url: Option<String>,
    /// `pools.yaml`, `models.yaml`, `timeouts.yaml`, `limits.yaml` and `safety.yaml`. A missing one
    /// is the built-in file.
    pub pools: Option<PathBuf>,
    pub models: Option<PathBuf>,
    pub timeouts: Option<PathBuf>,
    pub limits: Option<PathBuf>,
    pub safety: Option<PathBuf>,
    /// The address of a safety kernel in another process, as `host:port`.
    pub safety_kernel: Option<String>,
    /// Another host name under which callers reach the loopback ports.
    pub allowed_host: Option<String>,
    /// The filter of the log, as in `CORTEX_LOG`.
    pub log: String,
    /// The addresses of the store and the bus, by their environment variables.
    pub engines: Vec<(&'static str, String)>,
    /// The format of the log: `text` or `json`.
    pub log_format: &'static str,
}

impl Setup {
    /// Returns a setup with echo workers only, on a free port.
    #[must_use]
    pub fn echo() -> Self {
        Self {
            port: ports::free(),
            grpc_port: 0,
            metrics_port: 0,
            otlp: None,
            chat_port: 0,
            workers: "echo=1".into(),
            edge_url: None,
            pools: None,
            models: None,
            timeouts: None,
            limits: None,
            safety: None,
            safety_kernel: None,
            allowed_host: None,
            log: "info".into(),
            engines: Vec::new(),
            log_format: "text",
        }
    }

    /// Returns a setup with an echo and an embedding worker.
    #[must_use]
    pub fn embed() -> Self {
        Self { workers: "echo=1,embed=1".into(), ..Self::echo() }
    }

    /// Returns a setup with a chat worker and the small model.
    #[must_use]
    pub fn chat() -> Self {
        Self { workers: "echo=1,chat=1".into(), ..Self::echo() }
    }

    /// Returns a setup with echo workers that also answer chats and completions, as the chat model
    /// `echo`.
    #[must_use]
    pub fn with_echoed_texts(self, home: &Home) -> Self {
        let pools = "topics:\n  job.echo: { pool: echo, effects: none }\n  job.embed: { pool: embed, effects: none }\n  \
                     job.chat.simple: { pool: echo, effects: none }\n  job.complete: { pool: echo, effects: none }\n";
        let models = format!(
            "models:\n  echo:\n    kind: chat\n    family: llama\n    context: 1024\n    files:\n      \
             none.bin: {{ size: 0, sha256: {} }}\n    sources: []\n",
            "0".repeat(64)
        );
        let pools = Some(home.write("pools.yaml", pools));
        Self { pools, models: Some(home.write("models.yaml", &models)), ..self }
    }

    /// Sets leases that lapse within a second.
    #[must_use]
    pub fn with_short_leases(self, home: &Home) -> Self {
        let text = "heartbeat: 200ms\nlease: 1s\ndefault: { run: 30s, attempts: 3 }\n";
        Self { timeouts: Some(home.write("timeouts.yaml", text)), ..self }
    }

    /// Adds policies for a tenant that the built-in ones deny, unless the setup already has
    /// policies.
    #[must_use]
    pub fn with_tenant(self, home: &Home, tenant: &str) -> Self {
        let text = format!(
            "tenants:\n  dev: {{ allow: [\"job.>\"], deny: [\"job.k8s.*\"], roles: {{ job.model.*: [model-admin] }} }}\n  \
             {tenant}: {{ allow: [\"job.>\"] }}\n"
        );
        let safety = self.safety.clone().unwrap_or_else(|| home.write("tenants.yaml", &text));
        Self { safety: Some(safety), ..self }
    }

    /// Returns the command that starts the origin.
    #[must_use]
    pub fn command(&self, home: &Home) -> Command {
        let mut command = Command::new(binary("cortex"));
        command.args(["up", "--without", "edge", "--host-port", "0", "--workers", &self.workers]);
        command.args(["--metrics-port", &self.metrics_port.to_string()]);
        command.args(["--api-port", &self.port.to_string(), "--grpc-port", &self.grpc_port.to_string()]);
        command.args(["--chat-port", &self.chat_port.to_string(), "--chat-model", "cortex-small"]);
        command.env("CORTEX_HOME", home.path());
        command.env("CORTEX_LOG", &self.log).env("CORTEX_LOG_FORMAT", self.log_format);
        command.envs(self.engines.iter().cloned());
        for (flag, file) in [
            ("--pools", &self.pools),
            ("--models", &self.models),
            ("--timeouts", &self.timeouts),
            ("--limits", &self.limits),
            ("--safety", &self.safety),
        ] {
            if let Some(file) = file {
                command.arg(flag).arg(file);
            }
        }
        if let Some(address) = &self.safety_kernel {
            command.args(["--safety-kernel", address]);
        }
        if let Some(host) = &self.allowed_host {
            command.args(["--allowed-host", host]);
        }
        if let Some(url) = &self.otlp {
            command.env("OTEL_EXPORTER_OTLP_ENDPOINT", url).env("OTEL_EXPORTER_OTLP_TIMEOUT", "500");
        }
        if let Some(url) = &self.edge_url {
            command.args(["--edge-url", url]);
        }
        command
    }

    /// Returns how many workers will be started.
    fn worker_count(&self) -> usize {
        self.workers
            .split(',')
            .filter_map(|part| part.split_once('='))
            .map(|(_, n)| n.parse::<usize>().unwrap())
            .sum()
    }
}

/// Returns the command that starts a safety kernel in its own process.
#[must_use]
pub fn kernel(home: &Home, port: u16, safety: Option<&Path>) -> Command {
    let mut command = Command::new(binary("cortex"));
    command
        .args(["safety", "--port", &port.to_string()])
        .env("CORTEX_METRICS_PORT", "0")
        .env("CORTEX_HOME", home.path());
    if let Some(file) = safety {
        command.arg("--safety").arg(file);
    }
    command
}

/// A running origin.
#[derive(Debug)]
pub struct Origin {
    pub api: Api,
    process: Process,
}

impl Origin {
    /// Starts an origin and waits until its workers are connected.
    pub async fn start(home: &Home, setup: &Setup) -> Self {
        std::fs::create_dir_all(home.path().join("logs")).unwrap();
        let mut process = Process::start(&mut setup.command(home), &home.path().join("logs/origin.log"));
        let url = format!("http://127.0.0.1:{}", setup.port);
        let stranger = Api::new(&url, "stranger");
        wait::until("the origin answers", READY_TIMEOUT, async || {
            if let Some(status) = process.ended() {
                panic!("the origin ended with {status}:\n{}", home.log("origin.log"));
            }
            stranger.request(reqwest::Method::GET, "/health").send().await.ok()
        })
        .await;
        let origin = Self { api: Api::new(&url, &home.secret("api_key")), process };
        wait::until("the workers are connected", READY_TIMEOUT, async || {
            (origin.workers().await.len() >= setup.worker_count()).then_some(())
        })
        .await;
        origin
    }

    /// Returns the ids and process ids of the workers.
    pub async fn workers(&self) -> Vec<(String, u32)> {
        let workers = self.api.client().workers().await.unwrap_or_default();
        workers.into_iter().map(|worker| (worker.id.to_string(), worker.pid)).collect()
    }

    /// Kills one of the workers. Returns false if there was none to kill.
    pub async fn kill_worker(&self, index: u64) -> bool {
        let workers = self.workers().await;
        let found = workers.get(usize::try_from(index).unwrap()).filter(|(_, pid)| process::alive(*pid));
        if let Some((_, pid)) = found {
            process::kill(*pid);
        }
        found.is_some()
    }

    /// Returns the process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Stops the origin gracefully.
    pub fn stop(self) {
        let status = self.process.stop(Duration::from_secs(30));
        assert!(status.success(), "the origin ended with {status}");
    }

    /// Kills the origin, as a power cut would. Its workers notice by themselves.
    pub fn kill(self) {
        self.process.kill();
    }
}
