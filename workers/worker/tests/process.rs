//! The worker as a process: how it starts, joins its origin and ends.

#![allow(clippy::unwrap_used)]

use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use cortex_bus::Embedded;
use cortex_bus::payload::InMemory;
use cortex_domain::ports::{Bus, Event, Subscription};
use cortex_domain::subject::Filter;
use cortex_domain::worker::Heartbeat;
use cortex_link::{Identity, Limits, Listener, Server, Tokens};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// An origin that accepts workers.
struct Origin {
    address: String,
    certificate: String,
    heartbeats: Box<dyn Subscription<Event>>,
    shutdown: CancellationToken,
    serving: JoinHandle<()>,
}

impl Origin {
    async fn start() -> Self {
        Self::at("tcp:127.0.0.1:0").await
    }

    async fn at(address: &str) -> Self {
        let bus = Embedded::default();
        let heartbeats = bus.subscribe(Filter::HEARTBEATS).await.unwrap();
        let identity = Identity::generate().unwrap();
        let listener = Listener::bind(&address.parse().unwrap(), &identity).await.unwrap();
        let address = listener.address().to_string();
        let limits = Limits { heartbeat: Duration::from_millis(100), ..Limits::default() };
        let tokens = Tokens::default();
        tokens.admit_text("test".parse().unwrap(), ["echo".parse().unwrap()], "token");
        let server = Server::new(Arc::new(bus), Arc::new(InMemory::default()), tokens, limits);
        let shutdown = CancellationToken::new();
        let until = shutdown.clone();
        let serving = tokio::spawn(async move { server.serve(listener, until).await.unwrap() });
        let certificate = identity.fingerprint().to_string();
        Self { address, certificate, heartbeats, shutdown, serving }
    }

    fn worker(&self) -> Command {
        let mut command = worker(&["--kind", "echo", "--id", "w1", "--link", &self.address]);
        command.env("CORTEX_LINK_TOKEN", "token").stdin(Stdio::piped());
        if self.address.starts_with("tcp:") {
            command.env("CORTEX_LINK_FINGERPRINT", &self.certificate);
        }
        command
    }

    async fn heartbeat(&mut self) -> Heartbeat {
        let heartbeat = within(self.heartbeats.next()).await.unwrap();
        cortex_wire::decode_heartbeat(&heartbeat.body).unwrap()
    }

    /// Discards the heartbeats that have arrived.
    async fn forget(&mut self) {
        while let Ok(Some(_)) = tokio::time::timeout(Duration::from_millis(1), self.heartbeats.next()).await {
        }
    }

    async fn joined(&mut self) {
        let heartbeat = self.heartbeat().await;
        assert_eq!((heartbeat.worker.as_str(), heartbeat.kind.as_str()), ("w1", "echo"));
        assert!(heartbeat.resident > 0 || cfg!(not(target_os = "linux")));
    }
}

fn worker(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cortex-worker"));
    command
        .args(arguments)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(30), future).await.expect("in time")
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap()
}

async fn ended(mut child: Child) -> (Option<i32>, String) {
    // Waiting would close the pipe.
    let _lifeline = child.stdin.take();
    let Output { status, stderr, .. } = within(child.wait_with_output()).await.unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

async fn refused(mut command: Command) -> String {
    let (code, text) = ended(command.spawn().unwrap()).await;
    assert_eq!(code, Some(78), "{text}");
    text
}

#[tokio::test]
async fn what_can_not_be_used_is_named_and_ends_it_with_78() {
    const LINK: &str = "unix:/nowhere/link";
    for (arguments, named) in [
        (&["--kind", "dance", "--link", LINK][..], "dance"),
        (&["--kind", "echo", "--link", "tcp:10.0.0.1"], "host:port"),
        (&["--kind", "echo", "--link", LINK, "--id", "a b"], "worker id"),
        (&["--kind", "echo"], "--link"),
        (&["--kind", "echo", "--link", LINK], "CORTEX_LINK_TOKEN"),
    ] {
        let text = refused(worker(arguments)).await;
        assert!(text.starts_with("cortex-worker: ") && text.contains(named), "{text}");
    }
}

#[tokio::test]
async fn a_link_over_tcp_needs_the_certificate_of_its_origin() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("certificate.pem");
    std::fs::write(&file, "none").unwrap();
    let file = file.to_str().unwrap();
    for (arguments, named) in [
        (&[][..], "--link-certificate or --link-fingerprint"),
        (&["--link-certificate", "/nowhere/c.pem"], "--link-certificate /nowhere/c.pem"),
        (&["--link-certificate", file], "PEM"),
        (&["--link-fingerprint", "sha256:00"], "--link-fingerprint"),
    ] {
        let mut command = worker(&["--kind", "echo", "--link", "tcp:127.0.0.1:1"]);
        command.args(arguments).env("CORTEX_LINK_TOKEN", "token");
        let text = refused(command).await;
        assert!(text.contains(named), "{text}");
    }
}

#[tokio::test]
async fn a_link_by_a_unix_socket_takes_no_certificate() {
    for (name, value) in [
        ("CORTEX_LINK_CERTIFICATE", "/nowhere/c.pem".to_owned()),
        ("CORTEX_LINK_FINGERPRINT", Identity::generate().unwrap().fingerprint().to_string()),
    ] {
        let mut command = worker(&["--kind", "echo", "--link", "unix:/nowhere/link"]);
        command.env("CORTEX_LINK_TOKEN", "token").env(name, value);
        let text = refused(command).await;
        assert!(text.contains(name) && text.contains("a Unix socket"), "{text}");
    }
}

#[tokio::test]
async fn a_worker_without_a_name_joins_with_one_that_is_kept() {
    let mut origin = Origin::start().await;
    let home = tempfile::tempdir().unwrap();
    let mut names = Vec::new();
    for _ in 0..2 {
        let mut command = worker(&["--kind", "echo", "--link", &origin.address]);
        command.env("CORTEX_LINK_TOKEN", "token").env("CORTEX_LINK_FINGERPRINT", &origin.certificate);
        let child = command.env("CORTEX_HOME", home.path()).stdin(Stdio::piped()).spawn().unwrap();
        names.push(origin.heartbeat().await.worker);
        kill_process(pid(&child), Signal::TERM).unwrap();
        let (code, text) = ended(child).await;
        assert_eq!(code, Some(0), "{text}");
        origin.forget().await;
    }
    assert_eq!(names[0], names[1]);
    assert!(names[0].as_str().starts_with("echo-"), "{names:?}");
}

#[tokio::test]
async fn an_origin_with_another_certificate_ends_it_with_78() {
    let origin = Origin::start().await;
    let mut command = origin.worker();
    command.env("CORTEX_LINK_FINGERPRINT", Identity::generate().unwrap().fingerprint().to_string());
    let text = refused(command).await;
    assert!(text.contains("certificate"), "{text}");
}

#[tokio::test]
async fn a_further_host_is_allowed_only_with_a_key() {
    const KEY: &str = "0123456789abcdef0123456789abcdef";
    for (host, key, named) in [
        ("host.docker.internal", "", "set CORTEX_HOST_KEY"),
        ("host.docker.internal", "short", "at least 32 characters"),
        ("*.docker.internal", KEY, "expected a host as"),
    ] {
        let mut command = worker(&["--kind", "echo", "--link", "unix:/nowhere/link", "--allowed-host", host]);
        command.env("CORTEX_LINK_TOKEN", "token").env("CORTEX_HOST_KEY", key);
        let text = refused(command).await;
        assert!(text.contains(named), "{text}");
    }
}

#[tokio::test]
async fn a_shared_prompt_that_can_not_be_read_is_named() {
    let mut command = worker(&["--kind", "chat", "--link", "unix:/nowhere/link", "--device", "cpu"]);
    command.args(["--models", "/nowhere", "--shared-prompt", "/nowhere/prompt.txt"]);
    command.env("CORTEX_LINK_TOKEN", "token");
    let text = refused(command).await;
    assert!(text.contains("--shared-prompt /nowhere/prompt.txt"), "{text}");
}

#[tokio::test]
async fn a_model_that_is_missing_or_unknown_is_named() {
    let models = tempfile::tempdir().unwrap();
    let models = models.path().to_str().unwrap();
    for (model, named) in [("all-MiniLM-L6-v2", "cortex models pull"), ("gpt", "all-MiniLM-L6-v2")] {
        let mut command = worker(&["--kind", "embed", "--link", "unix:/nowhere/link"]);
        command.args(["--models", models, "--model", model]).env("CORTEX_LINK_TOKEN", "token");
        let text = refused(command).await;
        assert!(text.contains(named), "{text}");
    }
}

#[tokio::test]
async fn a_wrong_token_ends_it_with_78() {
    let origin = Origin::start().await;
    let mut command = origin.worker();
    command.env("CORTEX_LINK_TOKEN", "other");
    let text = refused(command).await;
    assert!(text.contains("token") && !text.contains("other"), "{text}");
}

#[tokio::test]
async fn it_leaves_in_order_on_a_signal() {
    let mut origin = Origin::start().await;
    for signal in [Signal::TERM, Signal::INT] {
        let child = origin.worker().spawn().unwrap();
        origin.joined().await;
        kill_process(pid(&child), signal).unwrap();
        let (code, text) = ended(child).await;
        assert_eq!(code, Some(0), "{text}");
        origin.forget().await;
    }
}

#[tokio::test]
async fn it_does_not_outlive_its_supervisor() {
    let mut origin = Origin::start().await;
    let mut child = origin.worker().spawn().unwrap();
    origin.joined().await;
    drop(child.stdin.take());
    let (code, text) = ended(child).await;
    assert!(code == Some(0) && text.contains("has ended"), "{text}");
}

#[tokio::test]
async fn it_comes_back_to_an_origin_that_was_away() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("unix:{}/run/link", folder.path().display());
    let mut first = Origin::at(&address).await;
    let _worker = first.worker().spawn().unwrap();
    first.joined().await;
    first.shutdown.cancel();
    within(first.serving).await.unwrap();
    Origin::at(&address).await.joined().await;
}
