//! The edge on this machine: the real Worker in workerd, and the relay that carries its port's connections to it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use cortex_edge_local::{Limits, Origin, Variables, Worker, relay};
use cortex_guard::cors::Origins;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::supervise::supervise;
use crate::exit::{Exit, Failure};
use crate::running::Process;
use cortex_node::Home;
use cortex_node::Secrets;

/// How long the Worker may take to answer for the first time; it takes half a second.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How often the Worker is asked whether it answers, and how long it may take.
const PROBE_INTERVAL: Duration = Duration::from_secs(5);
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);
/// After so many failed probes in a row the Worker is started again.
const MAX_FAILED_PROBES: u32 = 3;

/// The edge that runs here.
#[derive(Debug)]
pub(crate) struct Edge {
    pub(crate) url: String,
    pub(crate) process: Process,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Edge {
    /// Starts the Worker with its state in the home folder and waits until it answers on `listener`.
    ///
    /// # Errors
    /// Returns an error if workerd or the built Worker is missing, or if the Worker does not answer.
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
        let (command, silence) = (move || worker.command().into(), probe.clone());
        let silence = async move || silence.silence().await;
        tasks.spawn(supervise("edge".into(), log.clone(), command, silence, stop.clone()));
        tasks.close();
        let edge = Self { url, process: Process { name: "edge".into(), log }, stop, tasks };
        if tokio::time::timeout(START_TIMEOUT, probe.answer()).await.is_ok() {
            return Ok(edge);
        }
        let detail = format!("the edge did not answer on {}: see {}", edge.url, edge.process.log.display());
        edge.stop().await;
        Err(Failure::message(Exit::Unavailable, detail))
    }

    /// Stops workerd, which finishes what it has open.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

/// What the Worker is configured with.
pub(crate) fn variables(secrets: &Secrets, topics: &str, cors: &Origins) -> Variables {
    Variables {
        key_pepper: secrets.pepper.clone(),
        edge_keys: secrets.edge_keys.clone(),
        origin_keys: secrets.origin_keys.clone(),
        topics: topics.to_owned(),
        cors_origins: cors.to_string(),
        ledger_limits: String::new(),
    }
}

/// Asks the Worker whether it answers.
#[derive(Debug, Clone)]
struct Probe {
    client: reqwest::Client,
    url: String,
    interval: Duration,
}

impl Probe {
    fn new(url: &str, timeout: Duration, interval: Duration) -> Result<Self, Failure> {
        // A connection of its own for each probe: it asks whether others can connect.
        let client = reqwest::Client::builder().timeout(timeout).pool_max_idle_per_host(0).build()?;
        Ok(Self { client, url: format!("{url}/health"), interval })
    }

    async fn answers(&self) -> bool {
        self.client.get(&self.url).send().await.is_ok()
    }

    /// Resolves at the first answer.
    async fn answer(&self) {
        while !self.answers().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Resolves when the Worker has answered once and then no more.
    async fn silence(&self) {
        self.answer().await;
        let mut failed = 0;
        while failed < MAX_FAILED_PROBES {
            tokio::time::sleep(self.interval).await;
            failed = if self.answers().await { 0 } else { failed + 1 };
        }
    }
}

/// Where `wrangler.toml` lies: this folder or one above it, or above this program.
fn project_root() -> Result<PathBuf, Failure> {
    let here = std::env::current_dir()?;
    let program = std::env::current_exe()?;
    let above = here.ancestors().chain(program.ancestors());
    let root = above.into_iter().find(|folder| folder.join("wrangler.toml").is_file()).ok_or_else(|| {
        Failure::message(
            Exit::Config,
            "wrangler.toml is nowhere above: run it from the project's folder, or with --without edge",
        )
    })?;
    match Worker::missing(root) {
        None => Ok(root.to_owned()),
        Some(what) => {
            let detail = format!("{what} is missing in {}: run `make edge` there", root.display());
            Err(Failure::message(Exit::Config, detail))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_worker_that_takes_connections_and_does_not_answer_is_silent() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let probe = Probe::new(&url, Duration::from_millis(50), Duration::from_millis(1)).unwrap();
        let silence = tokio::spawn(async move { probe.silence().await });
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
