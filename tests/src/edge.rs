//! The real edge: the Worker in workerd under `wrangler dev`, with its own queue, KV, Durable Objects and R2.
//! Everything it keeps lies in one folder, so it can be killed and started again.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use cortex_domain::time::Timestamp;
use cortex_guard::signature::{Keyring, Nonce, Request, sign};
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::api::{Answer, Api, read};
use crate::home::Home;
use crate::process::Process;
use crate::{ports, wait};

/// How long wrangler may take; it is ready in two seconds where nothing else runs.
const READY: Duration = Duration::from_secs(60);

/// What both sides must know.
#[derive(Debug, Clone)]
pub struct Secrets {
    pub pepper: String,
    pub edge_keys: String,
    pub origin_keys: String,
}

impl Secrets {
    /// Those that an origin made in its home.
    #[must_use]
    pub fn of(home: &Home) -> Self {
        Self {
            pepper: home.secret("pepper"),
            edge_keys: home.secret("edge_keys"),
            origin_keys: home.secret("origin_keys"),
        }
    }

    /// Some for an edge that has no real origin.
    #[must_use]
    pub fn made() -> Self {
        Self {
            pepper: "0a".repeat(32),
            edge_keys: format!("edge-1:{}", "0b".repeat(32)),
            origin_keys: format!("origin-1:{}", "0c".repeat(32)),
        }
    }
}

/// What an edge is started with.
#[derive(Debug, Clone)]
pub struct Setup {
    pub port: u16,
    pub secrets: Secrets,
    pub origin_url: String,
    /// Separated by commas; empty to check their syntax alone.
    pub topics: String,
    /// Whether a test may put messages of its own into the queue: see [`Edge::send_to_queue`].
    pub tap: bool,
}

impl Setup {
    /// An edge on a free port before an origin.
    #[must_use]
    pub fn before(origin_url: &str, secrets: Secrets) -> Self {
        Self {
            port: ports::free(),
            secrets,
            origin_url: origin_url.to_owned(),
            topics: "job.echo,job.embed".to_owned(),
            tap: false,
        }
    }

    #[must_use]
    pub fn with_tap(self) -> Self {
        Self { tap: true, ..self }
    }

    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// A running edge. It is killed, with all that wrangler started, when it is dropped; what it keeps stays in
/// its folder.
#[derive(Debug)]
pub struct Edge {
    pub url: String,
    pub setup: Setup,
    folder: PathBuf,
    process: Process,
}

impl Edge {
    /// Starts an edge that keeps its state in `folder`, and waits until it answers. The Worker must have been
    /// built: `make test` does that first.
    pub async fn start(folder: &Path, setup: &Setup) -> Self {
        let folder = folder.join("edge");
        std::fs::create_dir_all(&folder).unwrap();
        let log = folder.join("edge.log");
        let mut process = Process::start(&mut command(&folder, setup), &log);
        let (url, client) = (setup.url(), Client::new());
        wait::until("the edge answers", READY, async || {
            if let Some(status) = process.ended() {
                let text = std::fs::read_to_string(&log).unwrap_or_default();
                panic!("wrangler ended with {status}:\n{text}");
            }
            client.get(format!("{url}/health")).send().await.ok().filter(|answer| answer.status() == 200)
        })
        .await;
        Self { url, setup: setup.clone(), folder, process }
    }

    /// Makes an API key through the signed admin route, and the door opened with it.
    pub async fn api(&self, tenant: &str, principal: &str, roles: &[&str]) -> Api {
        let body = json!({ "tenant": tenant, "principal": principal, "roles": roles });
        let answer = self.signed(Method::POST, "/internal/keys", "", Some(&body)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        Api::new(&self.url, answer.body["key"].as_str().unwrap())
    }

    /// Revokes the key of a door.
    pub async fn revoke(&self, api: &Api) {
        let id = api.key.split('_').nth(1).unwrap();
        let answer = self.signed(Method::DELETE, &format!("/internal/keys/{id}"), "", None).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// Sends a request as the origin does.
    pub async fn signed(&self, method: Method, path: &str, query: &str, body: Option<&Value>) -> Answer {
        let keys: Keyring = self.setup.secrets.origin_keys.parse().unwrap();
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let content_type = if body.is_empty() { "" } else { "application/json" };
        let parts = Request { method: method.as_str(), path, query, content_type, body: &body };
        let stamp = sign(&parts, [("", ""); 0], keys.current(), now(), nonce()).unwrap();
        let question = if query.is_empty() { "" } else { "?" };
        let mut request =
            Client::new().request(method.clone(), format!("{}{path}{question}{query}", self.url));
        for (name, value) in stamp {
            request = request.header(name, value);
        }
        if !body.is_empty() {
            request = request.header("content-type", content_type).body(body);
        }
        read(request).await
    }

    /// Puts texts into the job queue as they are, in one batch of at most ten. Needs [`Setup::with_tap`].
    pub async fn send_to_queue(&self, messages: &[&str]) {
        let answer =
            Client::new().post(format!("{}/_tap/send", self.url)).json(messages).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    }

    /// What it logged until now.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("edge.log")).unwrap_or_default()
    }

    /// Kills wrangler and workerd at once, as a power cut would, and waits until the port is free again.
    pub async fn kill(self) -> Setup {
        let Self { url, setup, process, .. } = self;
        drop(process);
        let client = Client::new();
        wait::until("the edge is gone", READY, async || client.get(&url).send().await.err()).await;
        setup
    }
}

fn command(folder: &Path, setup: &Setup) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let wrangler = root.join("node_modules/.bin/wrangler");
    assert!(wrangler.is_file() && root.join("edge/build").is_dir(), "run `sh edge/build.sh` first");

    let Setup { port, secrets, origin_url, topics, tap } = setup;
    let vars = folder.join(".dev.vars");
    let text = format!(
        "KEY_PEPPER={}\nEDGE_KEYS={}\nORIGIN_KEYS={}\nORIGIN_URL={origin_url}\nCORTEX_TOPICS={topics}\n",
        secrets.pepper, secrets.edge_keys, secrets.origin_keys
    );
    std::fs::write(&vars, text).unwrap();

    let mut command = Command::new(wrangler);
    command.args([
        "dev",
        "--local",
        "--ip",
        "127.0.0.1",
        "--port",
        &port.to_string(),
        "--inspector-port",
        "0",
    ]);
    command.arg("--persist-to").arg(folder.join("state")).arg("--show-interactive-dev-session=false");
    if *tap {
        command.arg("--config").arg(make_tap(folder)).arg("--config").arg(copy_config(root, folder));
    } else {
        command.arg("--env-file").arg(&vars);
    }
    command.current_dir(root);
    for (name, value) in [
        ("CI", "1"),
        ("WRANGLER_SEND_METRICS", "false"),
        ("CLOUDFLARE_CF_FETCH_ENABLED", "false"),
        ("CORTEX_EDGE_PREBUILT", "1"),
    ] {
        command.env(name, value);
    }
    command.env("WRANGLER_REGISTRY_PATH", folder.join("registry"));
    command
}

/// A second Worker in front of the edge, which can write to its queue: locally, only a Worker in the same
/// process can.
fn make_tap(folder: &Path) -> PathBuf {
    let script = r#"export default {
  async fetch(request, env) {
    if (new URL(request.url).pathname !== "/_tap/send") return env.EDGE.fetch(request);
    const messages = await request.json();
    await env.JOBS.sendBatch(messages.map((body) => ({ body, contentType: "text" })));
    return new Response("sent");
  },
};
"#;
    let config = r#"name = "tap"
main = "tap.js"
compatibility_date = "2026-04-01"
services = [{ binding = "EDGE", service = "cortex-edge" }]
queues.producers = [{ binding = "JOBS", queue = "cortex-jobs" }]
"#;
    let tap = folder.join("tap");
    std::fs::create_dir_all(&tap).unwrap();
    std::fs::write(tap.join("tap.js"), script).unwrap();
    std::fs::write(tap.join("wrangler.toml"), config).unwrap();
    tap.join("wrangler.toml")
}

/// The edge's configuration beside the secrets: only there does wrangler find them for a second Worker.
fn copy_config(root: &Path, folder: &Path) -> PathBuf {
    let text = std::fs::read_to_string(root.join("wrangler.toml")).unwrap();
    let (before, build) = text.split_once("[build]").unwrap();
    let (_, after) = build.split_once("\n[").unwrap();
    let main = root.join("edge/build/index.js");
    let before = before.replace("edge/build/index.js", main.to_str().unwrap());
    let config = folder.join("wrangler.toml");
    std::fs::write(&config, format!("{before}[{after}")).unwrap();
    config
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap())
}

/// Never the same twice in a test run, which is all a test needs.
fn nonce() -> Nonce {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let mut bytes = [0; 16];
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    bytes[..8].copy_from_slice(&u64::try_from(since.as_nanos()).unwrap().to_be_bytes());
    let own = u64::from(std::process::id()) << 32 | NEXT.fetch_add(1, Ordering::Relaxed);
    bytes[8..].copy_from_slice(&own.to_be_bytes());
    Nonce::new(bytes)
}
