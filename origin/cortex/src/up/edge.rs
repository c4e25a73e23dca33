//! The edge on this machine: the real Worker in workerd, with nothing in front of it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::supervise::supervise;
use crate::exit::{Exit, Failure};
use crate::home::Home;
use crate::running::Process;
use crate::secrets::Secrets;

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
    /// Starts the Worker with its state in the home folder and waits until it answers.
    ///
    /// # Errors
    /// Returns an error if workerd or the built Worker is missing, or if the Worker does not answer.
    pub(crate) async fn start(
        home: &Home,
        secrets: &Secrets,
        port: u16,
        origin: SocketAddr,
        topics: &str,
    ) -> Result<Self, Failure> {
        let root = project_root()?;
        let log = home.logs().join("edge.log");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let url = format!("http://{address}");
        let probe = Probe::new(&url, PROBE_TIMEOUT, PROBE_INTERVAL)?;

        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let worker = Worker {
            root,
            address,
            origin: reachable(origin),
            state: home.edge().join("state"),
            variables: variables(secrets, topics),
        };
        let (command, silence) = (move || worker.command(), probe.clone());
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

/// How the Worker is started.
struct Worker {
    root: PathBuf,
    address: SocketAddr,
    origin: SocketAddr,
    state: PathBuf,
    variables: [(&'static str, String); 5],
}

impl Worker {
    fn command(&self) -> Command {
        let local = self.root.join("edge/local");
        let mut command = Command::new("/bin/sh");
        command.arg(local.join("serve.sh")).arg(local.join("workerd.capnp"));
        command.args([self.address.to_string(), self.origin.to_string()]).arg(&self.state);
        command
            .current_dir(&self.root)
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }
}

fn variables(secrets: &Secrets, topics: &str) -> [(&'static str, String); 5] {
    [
        ("KEY_PEPPER", secrets.pepper.clone()),
        ("EDGE_KEYS", secrets.edge_keys.clone()),
        ("ORIGIN_KEYS", secrets.origin_keys.clone()),
        // Only its path counts: workerd.capnp sends every request to the origin.
        ("ORIGIN_URL", "http://origin".to_owned()),
        ("CORTEX_TOPICS", topics.to_owned()),
    ]
}

/// The address under which a listener on `address` is reached from here.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, address.port())
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
    match missing(root) {
        None => Ok(root.to_owned()),
        Some(what) => {
            let detail = format!("{what} is missing in {}: run `make edge` there", root.display());
            Err(Failure::message(Exit::Config, detail))
        }
    }
}

fn missing(root: &Path) -> Option<&'static str> {
    let parts = ["node_modules/workerd", "node_modules/miniflare", "edge/build/index_bg.wasm"];
    parts.into_iter().find(|part| !root.join(part).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_that_listens_everywhere_is_reached_on_loopback() {
        for (listens, reached) in
            [("0.0.0.0:8080", "127.0.0.1:8080"), ("[::]:1", "[::1]:1"), ("10.1.2.3:9", "10.1.2.3:9")]
        {
            assert_eq!(reachable(listens.parse().unwrap()).to_string(), reached);
        }
    }

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

    #[tokio::test]
    async fn the_worker_gets_its_own_secrets_and_nothing_else_of_our_environment() {
        let worker = Worker {
            root: "/project".into(),
            address: "127.0.0.1:8787".parse().unwrap(),
            origin: "127.0.0.1:8080".parse().unwrap(),
            state: "/home/state".into(),
            variables: ["A", "B", "C", "D", "E"].map(|name| (name, "secret".to_owned())),
        };
        let command = worker.command();
        let arguments: Vec<_> = command.as_std().get_args().map(|text| text.to_string_lossy()).collect();
        assert!(!arguments.concat().contains("secret"));
        let names: Vec<_> = command.as_std().get_envs().map(|(name, _)| name.to_string_lossy()).collect();
        assert_eq!(names, ["A", "B", "C", "D", "E"]);
    }
}
