//! A node without an edge and without its own workers, and workers that join it over TCP.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::api::Api;
use crate::home::Home;
use crate::process::{Process, binary};
use crate::{ports, wait};

/// How long a node or a worker may take to start.
const READY_TIMEOUT: Duration = Duration::from_secs(30);

/// A running `cortex serve` with a link over TCP.
#[derive(Debug)]
pub struct Node {
    pub api: Api,
    pub link_port: u16,
    process: Process,
}

/// The output of `cortex workers token create`.
#[derive(Debug, Clone)]
pub struct Token {
    pub id: String,
    pub text: String,
    pub fingerprint: String,
}

impl Node {
    /// Starts the roles and waits until the API responds.
    pub async fn start(home: &Home, roles: &str) -> Self {
        std::fs::create_dir_all(home.path().join("logs")).unwrap();
        let (port, link_port) = (ports::free(), ports::free());
        let mut command = Command::new(binary("cortex"));
        command.args(["serve", roles, "--api-port", &port.to_string(), "--grpc-port", "0"]);
        command.args(["--metrics-port", "0"]);
        command.args(["--link-listen", &format!("127.0.0.1:{link_port}")]);
        command.env("CORTEX_HOME", home.path()).env("CORTEX_LOG", "info");
        let mut process = Process::start(&mut command, &home.path().join("logs/node.log"));
        let url = format!("http://127.0.0.1:{port}");
        wait::until("the node answers", READY_TIMEOUT, async || {
            if let Some(status) = process.ended() {
                panic!("the node ended with {status}:\n{}", home.log("node.log"));
            }
            cortex_client::health(&url).await.ok()
        })
        .await;
        Self { api: Api::new(&url, &home.secret("api_key")), link_port, process }
    }

    /// Waits until `count` workers are connected.
    pub async fn has_workers(&self, count: usize) {
        wait::until(&format!("{count} workers are connected"), READY_TIMEOUT, async || {
            let workers = self.api.client().workers().await.unwrap_or_default();
            (workers.len() == count).then_some(())
        })
        .await;
    }

    /// Stops the node gracefully.
    pub fn stop(self) {
        let status = self.process.stop(Duration::from_secs(30));
        assert!(status.success(), "the node ended with {status}");
    }
}

/// Creates a token for a pool.
#[must_use]
pub fn token(home: &Home, pool: &str, name: &str) -> Token {
    let view = run(home, &["workers", "token", "create", "--pool", pool, "--name", name]);
    let text = |field: &str| view[field].as_str().unwrap_or_else(|| panic!("{view}")).to_owned();
    Token { id: text("id"), text: text("token"), fingerprint: text("fingerprint") }
}

/// Revokes a token.
pub fn revoke(home: &Home, token: &Token) {
    assert_eq!(run(home, &["workers", "token", "revoke", &token.id])["revoked"], true);
}

fn run(home: &Home, arguments: &[&str]) -> Value {
    let mut command = Command::new(binary("cortex"));
    let output = command.arg("--json").args(arguments).env("CORTEX_HOME", home.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Starts a worker that joins a link on this machine over TCP. Its output goes to a log of its
/// name.
#[must_use]
pub fn worker(home: &Home, name: &str, kind: &str, port: u16, token: &Token) -> Process {
    let mut command = Command::new(binary("cortex-worker"));
    command.args(["--kind", kind, "--id", name, "--link", &format!("tcp:127.0.0.1:{port}")]);
    command.args(["--link-fingerprint", &token.fingerprint]);
    command.env("CORTEX_LINK_TOKEN", &token.text).env("CORTEX_HOME", home.path());
    Process::start(&mut command, &home.path().join(format!("logs/{name}.log")))
}
