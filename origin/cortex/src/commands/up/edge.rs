//! The edge on this machine: the real Worker in workerd, and the relay that forwards the port's
//! connections to it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use cortex_edge_local::{Limits, Origin, Variables, Worker, relay};
use cortex_guard::cors::Origins;
use cortex_node::{Home, Secrets};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::supervise::supervise;
use crate::config;
use crate::exit::{Exit, Failure};
use crate::running::Process;

/// How long the Worker may take until its first response. It usually takes half a second.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How often the Worker is probed, and how long a response may take.
const PROBE_INTERVAL: Duration = Duration::from_secs(5);
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);
/// After this many failed probes in a row the Worker is restarted.
const MAX_FAILED_PROBES: u32 = 3;

/// The running edge.
#[derive(Debug)]
pub(crate) struct Edge {
    pub(crate) url: String,
    pub(crate) process: Process,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Edge {
    /// Starts the Worker with its state in the home folder and waits until it responds on
    /// `listener`.
    ///
    /// # Errors
    /// Returns an error if workerd or the built Worker is missing, or if the Worker does not
    /// respond.
    pub(crate) async fn start(
        home: &Home,
        variables: Variables,
        listener: TcpListener,
        origin: SocketAddr,
    ) -> Result<Self, Failure> {
        let worker = Worker {
            root: project_root()?,
            socket: home.run().join("edge.sock"),
            origin: Origin::listening_on(origin),
            state: home.edge().join("state"),
            variables,
        };
        let log = home.logs().join("edge.log");
        let url = format!("http://{}", listener.local_addr()?);
        let probe = Probe::new(&url, PROBE_TIMEOUT, PROBE_INTERVAL)?;

        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        tasks.spawn(relay(listener, worker.socket.clone(), Limits::default(), stop.clone()));
        let (command, watched) = (move || worker.command().into(), probe.clone());
        let unresponsive = async move || watched.unresponsive().await;
        tasks.spawn(supervise("edge".into(), log.clone(), command, unresponsive, stop.clone()));
        tasks.close();
        let edge = Self { url, process: Process { name: "edge".into(), log }, stop, tasks };
        if tokio::time::timeout(START_TIMEOUT, probe.first_response()).await.is_ok() {
            return Ok(edge);
        }
        let message =
            format!("the edge did not respond on {} within {} s", edge.url, START_TIMEOUT.as_secs());
        let help = format!(
            "the log is in {}; `cortex doctor` checks workerd and the ports",
            edge.process.log.display()
        );
        edge.stop().await;
        Err(Failure::message(Exit::Unavailable, message, help))
    }

    /// Stops workerd after its open requests have ended.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

/// Returns the configuration of the Worker.
pub(crate) fn variables(secrets: &Secrets, topics: &str, cors: &Origins) -> Variables {
    Variables {
        key_pepper: secrets.pepper.clone(),
        edge_keys: secrets.edge_keys.clone(),
        origin_keys: secrets.origin_keys.clone(),
        topics: topics.to_owned(),
        cors_origins: cors.to_string(),
        ledger_limits: String::new(),
        tracing: config::edge_tracing(),
    }
}

/// Checks whether the Worker responds.
#[derive(Debug, Clone)]
struct Probe {
    client: reqwest::Client,
    url: String,
    interval: Duration,
}

impl Probe {
    fn new(url: &str, timeout: Duration, interval: Duration) -> Result<Self, Failure> {
        // Each probe opens a connection of its own, to see whether others can connect.
        let client = reqwest::Client::builder().timeout(timeout).pool_max_idle_per_host(0).build()?;
        Ok(Self { client, url: format!("{url}/health"), interval })
    }

    async fn responds(&self) -> bool {
        self.client.get(&self.url).send().await.is_ok()
    }

    /// Waits for the first response.
    async fn first_response(&self) {
        while !self.responds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the Worker has responded once and then stopped responding.
    async fn unresponsive(&self) {
        self.first_response().await;
        let mut failed = 0;
        while failed < MAX_FAILED_PROBES {
            tokio::time::sleep(self.interval).await;
            failed = if self.responds().await { 0 } else { failed + 1 };
        }
    }
}

/// Returns whether the edge is built, so that `cortex up` can run it.
pub(crate) fn can_run_edge() -> bool {
    project_root().is_ok()
}

/// Returns the source folder: the one with `wrangler.toml`, above the current folder or above this
/// program.
fn project_root() -> Result<PathBuf, Failure> {
    let here = std::env::current_dir()?;
    let program = std::env::current_exe()?;
    let above = here.ancestors().chain(program.ancestors());
    let root = above.into_iter().find(|folder| folder.join("wrangler.toml").is_file()).ok_or_else(|| {
        Failure::message(
            Exit::Config,
            "the edge's source is missing: no wrangler.toml in this folder or above it",
            "run `cortex up` in the CortexOS source folder, or start without an edge: `cortex up --without edge`",
        )
    })?;
    match Worker::missing(root) {
        None => Ok(root.to_owned()),
        Some(what) => {
            let message = format!("the edge is not built: {what} is missing in {}", root.display());
            let help = format!("run `make edge` in {}", root.display());
            Err(Failure::message(Exit::Config, message, help))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_worker_that_accepts_connections_and_does_not_respond_is_unresponsive() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let probe = Probe::new(&url, Duration::from_millis(50), Duration::from_millis(1)).unwrap();
        let silence = tokio::spawn(async move { probe.unresponsive().await });
        let mut held = Vec::new();
        // Each probe is a connection; the first two are answered, the rest are left waiting.
        for n in 0..2 + MAX_FAILED_PROBES {
            let (mut stream, _) = listener.accept().await.unwrap();
            assert!(!silence.is_finished(), "after {n} probes");
            if n < 2 {
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                tokio::io::AsyncWriteExt::write_all(&mut stream, answer).await.unwrap();
            }
            held.push(stream);
        }
        silence.await.unwrap();
    }
}
