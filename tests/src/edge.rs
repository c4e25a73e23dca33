//! The real edge: the Worker in workerd, with its own queue, KV, Durable Objects and R2. Everything
//! it stores is in one folder, so it can be killed and started again.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cortex_domain::time::Timestamp;
use cortex_edge_local::{Limits, Origin, Tracing, Variables, Worker, relay};
use cortex_guard::signature::{Keyring, Nonce, Request, SigningKey, sign};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::api::{Answer, Api, read};
use crate::home::Home;
use crate::process::Process;
use crate::{ports, wait};

/// How long the edge may take to start. It takes half a second on an idle machine.
const READY_TIMEOUT: Duration = Duration::from_secs(60);

/// The secrets that both sides share.
#[derive(Debug, Clone)]
pub struct Secrets {
    pub pepper: String,
    pub edge_keys: String,
    pub origin_keys: String,
}

impl Secrets {
    /// Reads the secrets that an origin made in its home.
    #[must_use]
    pub fn of(home: &Home) -> Self {
        Self {
            pepper: home.secret("pepper"),
            edge_keys: home.secret("edge_keys"),
            origin_keys: home.secret("origin_keys"),
        }
    }

    /// Makes secrets for an edge without a real origin.
    #[must_use]
    pub fn made() -> Self {
        Self {
            pepper: "0a".repeat(32),
            edge_keys: format!("edge-1:{}", "0b".repeat(32)),
            origin_keys: format!("origin-1:{}", "0c".repeat(32)),
        }
    }
}

/// How an edge is started.
#[derive(Debug, Clone)]
pub struct Setup {
    pub port: u16,
    pub secrets: Secrets,
    pub origin_url: String,
    /// Separated by commas. If empty, only their syntax is checked.
    pub topics: String,
    /// The origins whose web pages may call, separated by commas.
    pub cors: String,
    /// The limits of a ledger, such as `jobs=3,keys=2`. Limits that are not named have their
    /// defaults.
    pub ledger_limits: String,
    pub tracing: Tracing,
    /// Ports that only tests need.
    pub test_ports: Option<TestPorts>,
}

/// Ports that give access to what the Worker trusts: see [`Edge::send_to_queue`] and
/// [`Edge::write_key`].
#[derive(Debug, Clone, Copy)]
pub struct TestPorts {
    pub queue: u16,
    pub keys: u16,
}

impl Setup {
    /// Returns the setup of an edge on a free port, in front of an origin.
    #[must_use]
    pub fn before(origin_url: &str, secrets: Secrets) -> Self {
        Self {
            port: ports::free(),
            secrets,
            origin_url: origin_url.to_owned(),
            topics: "job.echo,job.embed".to_owned(),
            cors: String::new(),
            ledger_limits: String::new(),
            tracing: Tracing::default(),
            test_ports: None,
        }
    }

    #[must_use]
    pub fn with_test_ports(self) -> Self {
        Self { test_ports: Some(TestPorts { queue: ports::free(), keys: ports::free() }), ..self }
    }

    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// The parameters of a signature.
#[derive(Debug, Clone, Copy)]
pub struct SignatureParams<'a> {
    pub key: &'a SigningKey,
    pub at: Timestamp,
    pub nonce: Nonce,
}

/// A running edge. Dropping it kills the edge and keeps its folder.
#[derive(Debug)]
pub struct Edge {
    pub url: String,
    pub setup: Setup,
    folder: PathBuf,
    process: Process,
    _relay: Relay,
}

impl Edge {
    /// Starts an edge that stores its state in `folder`, and waits until it responds. The Worker
    /// must have been built, which `make test` does first.
    pub async fn start(folder: &Path, setup: &Setup) -> Self {
        let folder = folder.join("edge");
        std::fs::create_dir_all(&folder).unwrap();
        let log = folder.join("edge.log");
        let worker = worker(&folder, setup);
        let relay = Relay::start(setup.port, worker.socket.clone());
        let mut process = Process::start(&mut command(&worker, setup), &log);
        let (url, client) = (setup.url(), Client::new());
        wait::until("the edge answers", READY_TIMEOUT, async || {
            if let Some(status) = process.ended() {
                let text = std::fs::read_to_string(&log).unwrap_or_default();
                panic!("the edge ended with {status}:\n{text}");
            }
            client.get(format!("{url}/health")).send().await.ok().filter(|answer| answer.status() == 200)
        })
        .await;
        Self { url, setup: setup.clone(), folder, process, _relay: relay }
    }

    /// Creates an API key through the signed admin route, and returns the API with it.
    pub async fn api(&self, tenant: &str, principal: &str, roles: &[&str]) -> Api {
        let body = json!({ "tenant": tenant, "principal": principal, "roles": roles });
        let answer = self.signed(Method::POST, "/internal/keys", "", Some(&body)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        Api::new(&self.url, answer.body["key"].as_str().unwrap())
    }

    /// Revokes the key of an API.
    pub async fn revoke(&self, api: &Api) {
        let id = api.key.split('_').nth(1).unwrap();
        let answer = self.signed(Method::DELETE, &format!("/internal/keys/{id}"), "", None).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// Sends a signed request, like the origin.
    pub async fn signed(&self, method: Method, path: &str, query: &str, body: Option<&Value>) -> Answer {
        let keys: Keyring = self.setup.secrets.origin_keys.parse().unwrap();
        let params = SignatureParams { key: keys.current(), at: now(), nonce: nonce() };
        read(self.sign(params, method, path, query, body)).await
    }

    /// Builds a signed request, which a test may send more than once.
    pub fn sign(
        &self,
        SignatureParams { key, at, nonce }: SignatureParams<'_>,
        method: Method,
        path: &str,
        query: &str,
        body: Option<&Value>,
    ) -> RequestBuilder {
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let content_type = if body.is_empty() { "" } else { "application/json" };
        let parts = Request { method: method.as_str(), path, query, content_type, body: &body };
        let headers = sign(&parts, [("accept", "*/*")], key, at, nonce).unwrap();
        let question = if query.is_empty() { "" } else { "?" };
        let mut request =
            Client::new().request(method.clone(), format!("{}{path}{question}{query}", self.url));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if !body.is_empty() {
            request = request.header("content-type", content_type).body(body);
        }
        request
    }

    /// Puts texts into the job queue unchanged, in one batch of at most ten. Needs
    /// [`Setup::with_test_ports`].
    pub async fn send_to_queue(&self, messages: &[&str]) {
        let encoded: Vec<_> = messages
            .iter()
            .map(|text| json!({ "contentType": "text", "body": STANDARD.encode(text) }))
            .collect();
        let port = self.setup.test_ports.unwrap().queue;
        let batch = Client::new().post(format!("http://127.0.0.1:{port}/batch"));
        let answer = batch.json(&json!({ "messages": encoded })).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    }

    /// Writes a value into KV under a key's id, or deletes it, as an attacker with write access
    /// could. Needs [`Setup::with_test_ports`].
    pub async fn write_key(&self, id: &str, value: Option<&Value>) {
        let url = format!("http://127.0.0.1:{}/{id}", self.setup.test_ports.unwrap().keys);
        let request = match value {
            Some(value) => Client::new().put(url).body(value.to_string()),
            None => Client::new().delete(url),
        };
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

    /// Returns the value in KV under a key's id. Needs [`Setup::with_test_ports`].
    pub async fn read_key(&self, id: &str) -> Value {
        let url = format!("http://127.0.0.1:{}/{id}", self.setup.test_ports.unwrap().keys);
        Client::new().get(url).send().await.unwrap().json().await.unwrap()
    }

    /// Returns the id of the process that runs workerd.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Returns the log so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("edge.log")).unwrap_or_default()
    }

    /// Kills workerd, like a power cut, and closes the port. Returns the setup for a restart.
    #[must_use]
    pub fn kill(self) -> Setup {
        self.setup
    }
}

fn worker(folder: &Path, setup: &Setup) -> Worker {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    assert_eq!(Worker::missing(root), None, "run `make edge` first");
    let Setup { secrets, origin_url, topics, cors, ledger_limits, tracing, .. } = setup;
    Worker {
        root: root.to_owned(),
        socket: folder.join("edge.sock"),
        origin: Origin::listening_on(origin_url.strip_prefix("http://").unwrap().parse().unwrap()),
        state: folder.join("state"),
        variables: Variables {
            key_pepper: secrets.pepper.clone(),
            edge_keys: secrets.edge_keys.clone(),
            origin_keys: secrets.origin_keys.clone(),
            topics: topics.clone(),
            cors_origins: cors.clone(),
            ledger_limits: ledger_limits.clone(),
            tracing: tracing.clone(),
        },
    }
}

fn command(worker: &Worker, setup: &Setup) -> Command {
    let Some(TestPorts { queue, keys }) = setup.test_ports else { return worker.command() };
    let options = [("queue", queue), ("keys", keys)]
        .map(|(name, port)| format!("--socket-addr={name}=127.0.0.1:{port}"));
    worker.command_with(&worker.root.join("tests/edge/test_ports.capnp"), &options)
}

/// Relays a port's connections to the Worker, in its own thread because tests block theirs.
/// Dropping it closes all connections at once.
#[derive(Debug)]
struct Relay {
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    fn start(port: u16, socket: PathBuf) -> Self {
        let stop = CancellationToken::new();
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let stopped = stop.clone();
        let limits = Limits { drain_timeout: Duration::ZERO, ..Limits::default() };
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                relay(listener, socket, limits, stopped).await;
            });
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Returns the time.
///
/// # Panics
/// Panics if the clock is set to a time before 1970.
#[must_use]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap())
}

/// Returns a nonce that is unique within a test run.
fn nonce() -> Nonce {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let mut bytes = [0; 16];
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    bytes[..8].copy_from_slice(&u64::try_from(since.as_nanos()).unwrap().to_be_bytes());
    let own = u64::from(std::process::id()) << 32 | NEXT.fetch_add(1, Ordering::Relaxed);
    bytes[8..].copy_from_slice(&own.to_be_bytes());
    Nonce::new(bytes)
}
