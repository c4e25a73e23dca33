//! Language models in a worker process, through its model host.

#![allow(clippy::unwrap_used)]

use std::fmt::Write;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

const FILES: [&str; 5] =
    ["config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"];

/// Returns the hashes of the small model's files, as the shipped catalogue pins them.
fn pins() -> String {
    let shipped = include_str!("../../../deploy/config/models.yaml");
    let small = shipped.split("  cortex-small:\n").nth(1).unwrap();
    small.split("    sources:").next().unwrap().to_owned()
}

/// A worker with copies of the small model under several names.
struct TestWorker {
    folder: TempDir,
    port: u16,
    worker: Child,
    client: reqwest::Client,
}

fn place(folder: &Path, name: &str) -> PathBuf {
    let small = Path::new(env!("CARGO_MANIFEST_DIR")).join("../inference/small/model");
    let place = folder.join("models").join(name);
    fs::create_dir_all(&place).unwrap();
    for file in FILES {
        fs::copy(small.join(file), place.join(file)).unwrap();
    }
    place
}

impl TestWorker {
    async fn start(names: &[&str], arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut catalogue = "models:\n".to_owned();
        for name in names {
            place(folder.path(), name);
            write!(catalogue, "  {name}:\n{}    sources: []\n", pins()).unwrap();
        }
        let file = folder.path().join("models.yaml");
        fs::write(&file, catalogue).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(env!("CARGO_BIN_EXE_cortex-worker"));
        command.args([
            "--kind",
            "chat",
            "--link",
            "unix:/nowhere/link",
            "--model",
            names[0],
            "--device",
            "cpu",
        ]);
        command.arg("--models").arg(folder.path().join("models")).arg("--catalogue").arg(file);
        command.args(["--host-port", &port.to_string()]).args(arguments);
        command.env_clear().env("CORTEX_LINK_TOKEN", "token").stdin(Stdio::piped()).kill_on_drop(true);
        let worker = command.stderr(Stdio::null()).spawn().unwrap();
        let worker = Self { folder, port, worker, client: reqwest::Client::new() };
        worker.ready().await;
        worker
    }

    async fn ready(&self) {
        let up = async {
            while self.get("/health").await.is_none() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), up).await.expect("the worker listens in time");
    }

    async fn get(&self, path: &str) -> Option<Value> {
        let answer = self.client.get(format!("http://127.0.0.1:{}{path}", self.port)).send().await.ok()?;
        serde_json::from_slice(&answer.bytes().await.ok()?).ok()
    }

    async fn post(&self, path: &str, body: Value) -> (u16, String) {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        let request = self.client.post(url).header("content-type", "application/json").body(body.to_string());
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn ask(&self, model: &str) -> (u16, Value) {
        let body = json!({"model": model, "messages": [{"role": "user", "content": "What is 3 plus 4?"}]});
        let (status, text) = self.post("/v1/chat/completions", body).await;
        (status, serde_json::from_str(&text).unwrap())
    }

    async fn loaded(&self) -> Value {
        self.get("/health").await.unwrap()["models"].clone()
    }

    async fn stop(mut self) {
        // The worker ends when this end of its standard input closes.
        drop(self.worker.stdin.take());
        tokio::time::timeout(Duration::from_secs(30), self.worker.wait())
            .await
            .expect("it ends in time")
            .unwrap();
    }
}

fn said(answer: &Value) -> &str {
    answer["choices"][0]["message"]["content"].as_str().unwrap_or_else(|| panic!("{answer}"))
}

#[tokio::test]
async fn models_are_loaded_when_they_are_asked_for_and_the_one_used_least_lately_makes_room() {
    // Each model takes 22 MiB with its cache, and a load needs 70 MiB free. There is room for two.
    let worker = TestWorker::start(&["a", "b", "c"], &["--memory", "105", "--cache", "16"]).await;
    assert_eq!(worker.loaded().await, json!(["a"]));
    for (model, loaded) in [("b", ["a", "b"]), ("a", ["a", "b"]), ("c", ["a", "c"])] {
        let (status, answer) = worker.ask(model).await;
        assert_eq!((status, said(&answer)), (200, "3 + 4 = 7"));
        assert_eq!(worker.loaded().await, json!(loaded));
    }
    let (status, answer) = worker.ask("nope").await;
    assert_eq!((status, &answer["error"]["param"]), (404, &json!("model")));
    assert!(answer["error"]["message"].as_str().unwrap().contains("a, b, c"), "{answer}");
    worker.stop().await;
}

#[tokio::test]
async fn a_model_whose_file_changed_is_not_loaded_and_the_others_go_on() {
    let worker = TestWorker::start(&["a", "b"], &[]).await;
    let weights = worker.folder.path().join("models/b/model.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&weights, bytes).unwrap();
    let (status, answer) = worker.ask("b").await;
    let why = answer["error"]["message"].as_str().unwrap();
    assert!(status == 502 && why.contains("is corrupt: its sha256 is"), "{status} {why}");
    fs::remove_file(weights).unwrap();
    let (status, answer) = worker.ask("b").await;
    let missing = answer["error"]["message"].as_str().unwrap();
    assert!(status == 502 && missing.contains(" b/model.safetensors is missing: "), "{status} {missing}");
    let folder = worker.folder.path().to_str().unwrap();
    assert!(
        !why.contains(folder) && !missing.contains(folder),
        "the answer reveals the model's folder: {missing}"
    );
    let (status, answer) = worker.ask("a").await;
    assert_eq!((status, said(&answer)), (200, "3 + 4 = 7"));
    worker.stop().await;
}

#[tokio::test]
async fn a_model_that_there_is_no_memory_for_ends_it_with_78_and_the_numbers() {
    let folder = tempfile::tempdir().unwrap();
    place(folder.path(), "a");
    let file = folder.path().join("models.yaml");
    fs::write(&file, format!("models:\n  a:\n{}    sources: []\n", pins())).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_cortex-worker"));
    command.args(["--kind", "chat", "--link", "unix:/nowhere/link", "--model", "a", "--memory", "10"]);
    command.arg("--models").arg(folder.path().join("models")).arg("--catalogue").arg(file);
    command.env_clear().env("CORTEX_LINK_TOKEN", "token").kill_on_drop(true);
    let ended = tokio::time::timeout(Duration::from_secs(30), command.output()).await.unwrap().unwrap();
    let why = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(78), "{why}");
    assert!(why.contains("not enough memory for `a`: it needs 70 MiB, but only 10 MiB are free"), "{why}");
}

#[tokio::test]
async fn every_route_of_its_own_door_answers() {
    let metrics = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let worker = TestWorker::start(&["a"], &["--cache", "16", "--metrics-port", &metrics.to_string()]).await;
    assert_eq!(worker.get("/v1/models").await.unwrap()["data"][0]["id"], "a");
    assert_eq!(worker.get("/v1/models/a").await.unwrap()["id"], "a");

    let message = json!({"role": "user", "content": "What is 3 plus 4?"});
    let asked = json!({"model": "a", "messages": [message], "stream": true, "stream_options": {"include_usage": true}});
    let (status, streamed) = worker.post("/v1/chat/completions", asked).await;
    assert_eq!((status, streamed.trim_end().ends_with("data: [DONE]")), (200, true), "{streamed}");
    let lines = streamed.lines().filter_map(|line| line.strip_prefix("data: "));
    let chunks: Vec<Value> = lines.filter_map(|line| serde_json::from_str(line).ok()).collect();
    let deltas = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str());
    assert_eq!(deltas.collect::<String>(), "3 + 4 = 7");
    assert!(chunks.last().unwrap()["usage"]["completion_tokens"].as_u64().unwrap() > 0, "{streamed}");

    let (status, short) = worker.post("/chat", json!({"model": "a", "message": "What is 3 plus 4?"})).await;
    let short: Value = serde_json::from_str(&short).unwrap();
    assert_eq!((status, &short["text"]), (200, &json!("3 + 4 = 7")));
    assert_eq!(short["cortex"]["receipts"][0]["device"], "cpu", "{short}");
    let prompt = "<|im_start|>user\nWhat is 3 plus 4?<|im_end|>\n<|im_start|>assistant\n";
    let completed = json!({"model": "a", "prompt": prompt, "temperature": 0, "max_tokens": 32});
    let (status, completed) = worker.post("/v1/completions", completed).await;
    let completed: Value = serde_json::from_str(&completed).unwrap();
    assert_eq!((status, &completed["choices"][0]["text"]), (200, &json!("3 + 4 = 7")), "{completed}");

    for port in [worker.port, metrics] {
        let url = format!("http://127.0.0.1:{port}/metrics");
        let variable = worker.client.get(url).send().await.unwrap().text().await.unwrap();
        for name in [
            "gen_ai_server_time_to_first_token_seconds_count",
            "gen_ai_server_time_per_output_token_seconds_bucket",
        ] {
            assert!(variable.contains(name), "{name}: {variable}");
        }
    }
    worker.stop().await;
}
