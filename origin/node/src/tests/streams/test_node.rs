//! An origin with one worker of the pool `chat`, which the test controls over the real link.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cortex_api::ModelRequest as _;
use cortex_api::chat::{ChatRequest, Message};
use cortex_api::completions::{CompletionRequest, Prompt};
use cortex_domain::event::Timings;
use cortex_domain::flow::{End, Outcome};
use cortex_domain::job::InputFormat;
use cortex_domain::state::{Failure, FailureKind};
use cortex_domain::task::{Cancel, Progress, ProgressKind, Task};
use cortex_domain::worker::Heartbeat;
use cortex_guard::signature::Keyring;
use cortex_link::origin::{Inbound, Origin as _, Report};
use cortex_link::{self, Dial, Limits, Link};
use futures::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::{ApiSockets, Config, Files, Handle, Home, Operator, Roles, Secrets, Sockets, build};

pub(super) const KEY: &str = "a key of the tests";
/// Much less than the lease of ten seconds.
pub(super) const TIMEOUT: Duration = Duration::from_secs(5);

const MODELS: &str = "models:
  tiny:
    kind: chat
    family: llama
    context: 128
    files:
      a.bin: {size: 3, sha256: ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad}
    sources: []
";

pub(super) struct TestNode {
    pub(super) origin: Handle,
    pub(super) cancels: mpsc::Receiver<Cancel>,
    /// The keys with which the edge signs.
    pub(super) edge_keys: Keyring,
    http: reqwest::Client,
    _folder: tempfile::TempDir,
}

impl TestNode {
    pub(super) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// Starts a node with a changed configuration.
    pub(super) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(Some(folder.path().join("home"))).unwrap();
        let models = folder.path().join("models.yaml");
        std::fs::write(&models, MODELS).unwrap();
        let files = Files { models: Some(models), ..Files::default() };
        let operator = Operator { api_key: Some(KEY.into()), ..Operator::of_tests() };
        let mut config = Config::load(&files, None, operator).unwrap();
        change(&mut config);
        let secrets = Secrets::open(&home).unwrap();
        let sockets = Sockets {
            api: Some(ApiSockets { http: TcpListener::bind("127.0.0.1:0").await.unwrap(), grpc: None }),
            metrics: None,
        };
        let origin = build(config, &Roles::all(), &home, &secrets, sockets).await.unwrap();
        let dial = Dial {
            route: origin.scheduler.as_ref().unwrap().link.clone(),
            token: origin.scheduler.as_ref().unwrap().worker_token(&"chat".parse().unwrap()),
            limits: Limits::default(),
        };
        let (link, mut inbox) = cortex_link::open(dial, Box::new(heartbeat));
        let (cancelled, cancels) = mpsc::channel(64);
        let joined = inbox.next().await;
        assert!(matches!(joined, Some(Inbound::Joined { .. })), "{joined:?}");
        tokio::spawn(async move {
            while let Some(message) = inbox.next().await {
                match message {
                    Inbound::Job { task, input } => drop(tokio::spawn(run(link.clone(), *task, input))),
                    Inbound::Cancel(cancel) => cancelled.try_send(cancel).unwrap(),
                    Inbound::Joined { .. } | Inbound::Lost | Inbound::Refused { .. } => {}
                }
            }
        });
        let edge_keys = secrets.edge_keyring().unwrap();
        Self { origin, cancels, edge_keys, http: reqwest::Client::new(), _folder: folder }
    }

    /// Sends a chat request that carries a script for the worker.
    pub(super) fn ask(&self, script: &Value) -> reqwest::RequestBuilder {
        let message = json!({"role": "user", "content": script.to_string()});
        self.post("/v1/chat/completions", &json!({"model": "tiny", "messages": [message], "stream": true}))
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> reqwest::RequestBuilder {
        self.request(Method::POST, path).bearer_auth(KEY).json(body)
    }

    pub(super) fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.request(Method::GET, path).bearer_auth(KEY)
    }

    /// Returns a request without credentials.
    pub(super) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("http://{}{path}", self.origin.gateway.as_ref().unwrap().address))
    }
}

fn heartbeat() -> Heartbeat {
    let topic = |name: &str| name.parse().unwrap();
    let topics = vec![topic("job.chat.simple"), topic("job.complete")];
    Heartbeat {
        models: vec!["tiny".parse().unwrap()],
        ..Heartbeat::new("chat-1".parse().unwrap(), "chat", "chat".parse().unwrap(), topics, 256)
    }
}

/// What the worker does.
#[derive(serde::Deserialize)]
struct Script {
    frames: u64,
    #[serde(default)]
    pace_ms: u64,
    /// How long the worker waits before its first frame.
    #[serde(default)]
    wait_ms: u64,
    /// The number of extra bytes in each frame.
    #[serde(default)]
    filler: usize,
    /// The error that the worker reports after the frames.
    fail: Option<String>,
    /// The number of a frame that is not sent.
    skip: Option<u64>,
    #[serde(default)]
    stay: bool,
    /// The whole response.
    #[serde(default = "no_answer")]
    answer: Value,
}

fn no_answer() -> Value {
    json!({})
}

/// Returns the script in a chat's user message, or in the prompt of a completion.
fn script(format: InputFormat, input: &[u8]) -> Script {
    let chat = ChatRequest::from_input(format, input);
    let text = match (chat, CompletionRequest::from_input(format, input)) {
        (Ok(chat), _) => match chat.messages.into_iter().next() {
            Some(Message::User { content, .. }) => content,
            other => panic!("{other:?} is no user's message"),
        },
        (_, Ok(completion)) => match completion.prompts.into_iter().next() {
            Some(Prompt::Text(text)) => text,
            other => panic!("{other:?} is no text"),
        },
        (Err(problem), Err(_)) => panic!("{problem}"),
    };
    serde_json::from_str(&text).unwrap()
}

/// Sends the frames, each with its number and the time, and reports the end.
async fn run(link: Arc<Link>, task: Task, input: Bytes) {
    let script = script(task.input, &input);
    let worker = heartbeat().worker;
    let said = |seq, what| Progress { job: task.job, lease: task.lease, worker: worker.clone(), seq, what };
    link.progress(said(0, ProgressKind::Started)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(script.wait_ms)).await;
    let mut ticks = tokio::time::interval(Duration::from_millis(script.pace_ms.max(1)));
    let filler = "x".repeat(script.filler);
    for number in 1..=script.frames {
        if script.pace_ms > 0 {
            ticks.tick().await;
        }
        if script.skip != Some(number) {
            let line = format!("{}\n", json!({"n": number, "sent": clock(), "filler": filler}));
            if link.progress(said(number, ProgressKind::Frame(line.into()))).await.is_err() {
                // The node has stopped, and cut this run before.
                return;
            }
        }
    }
    if script.stay {
        return;
    }
    let draft = script.fail.is_none().then(|| (task.draft, Bytes::from(script.answer.to_string())));
    let end = match script.fail {
        Some(detail) => {
            End::Failed { failure: Failure::new(FailureKind::InvalidInput, detail).at("messages") }
        }
        None => {
            let last = ProgressKind::Frame(Bytes::from_static(b"[DONE]\n"));
            link.progress(said(script.frames + 1, last)).await.unwrap();
            End::Succeeded { timings: Timings::default() }
        }
    };
    let outcome = Outcome { job: task.job, lease: task.lease, worker, end };
    link.report(Report { outcome, draft }).await.unwrap();
}

/// Returns microseconds of a clock that the test and the worker share.
pub(super) fn clock() -> u64 {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    u64::try_from(START.get_or_init(Instant::now).elapsed().as_micros()).unwrap()
}
