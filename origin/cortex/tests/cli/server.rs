//! An API with fixed answers, in which every text from a user or a model has control characters.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use serde_json::{Value, json};

pub(crate) const ID: &str = "019a9ff0-0000-7000-8000-000000000001";
/// Clears the screen, renames the window, moves the cursor by a C1 control and reverses the
/// direction of the text.
pub(crate) const HOSTILE: &str = "a\x1b[2Jb\x1b]0;evil\x07c\u{9b}2Jd\u{202e}e\u{2066}f\x7f\rg";
pub(crate) const ESCAPED: &str = "a\\x1b[2Jb\\x1b]0;evil\\x07c\\u{9b}2Jd\\u{202e}e\\u{2066}f\\x7f\\rg";

/// Serves until the test process ends, and writes the state file of a running CortexOS into `home`.
pub(crate) fn start(home: &Path) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || answer(stream.unwrap()));
        }
    });
    std::fs::create_dir_all(home.join("run")).unwrap();
    let state = json!({"pid": std::process::id(), "origin": url, "grpc": null, "edge": url, "host": null,
        "chat_host": null, "processes": [{"name": format!("echo-1{HOSTILE}"), "log": "/tmp/echo-1.log"}]});
    std::fs::write(home.join("run/up.json"), state.to_string()).unwrap();
    std::fs::set_permissions(home, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    url
}

fn answer(mut stream: TcpStream) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let (mut length, mut header) = (0, String::new());
    while reader.read_line(&mut header).unwrap() > 2 {
        if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        header.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let path = line.split(' ').nth(1).unwrap();
    let (status, kind, body) = respond(path.split('?').next().unwrap(), &String::from_utf8(body).unwrap());
    // The client may have left: it does so in the tests of pipes.
    let _ = write!(
        stream,
        "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
}

fn respond(path: &str, body: &str) -> (u16, &'static str, String) {
    let document = match path {
        "/health" => {
            json!({"status": "ok", "service": HOSTILE, "version": HOSTILE, "checks": {HOSTILE: "ok"}})
        }
        "/api/v1/jobs" => json!({"jobs": vec![job(); 500], "next": null}),
        "/api/v1/workers" => json!({"workers": [worker()]}),
        "/v1/models" => json!({"object": "list", "data": [{"id": "m", "object": "model", "created": 0,
            "owned_by": "me", "kind": "chat"}]}),
        "/internal/keys" => json!({"keys": [{"id": "abcdefghijkl", "tenant": "dev", "principal": "me",
            "roles": ["model-admin"], "created_at": "2026-11-20T23:36:30.000Z", "revoked": false}]}),
        "/v1/chat/completions" if body.contains("\"stream\":true") => {
            return (200, "text/event-stream", stream(body));
        }
        "/v1/chat/completions" => json!({"id": "c", "object": "chat.completion", "created": 0, "model": "m",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": HOSTILE}, "logprobs": null,
            "finish_reason": "stop"}], "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}),
        path if path.ends_with(&format!("{ID}/events")) => json!({"events": [event()]}),
        path if path.ends_with(ID) => job(),
        _ => {
            let problem = json!({"type": "urn:cortex:problem:not-found", "title": "t", "detail": HOSTILE});
            return (404, "application/problem+json", problem.to_string());
        }
    };
    (200, "application/json", document.to_string())
}

/// Returns a streamed answer that splits the control sequences. A prompt with `long` gets a long
/// answer.
fn stream(body: &str) -> String {
    let pieces: Vec<String> = if body.contains("long") {
        vec!["word ".repeat(1000); 200]
    } else {
        HOSTILE.chars().map(String::from).chain(["\n\tend".to_owned()]).collect()
    };
    let chunk = |text: &String| {
        let chunk = json!({"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices":
            [{"index": 0, "delta": {"content": text}, "logprobs": null, "finish_reason": null}]});
        format!("data: {chunk}\n\n")
    };
    format!("{}data: [DONE]\n\n", pieces.iter().map(chunk).collect::<String>())
}

fn job() -> Value {
    json!({"id": ID, "topic": "job.embed", "state": "FAILED", "attempt": 1, "max_attempts": 3, "version": 4,
        "labels": {"team": HOSTILE}, "created_at": "2026-11-20T23:36:30.000Z",
        "updated_at": "2026-11-20T23:36:31.000Z",
        "error": {"type": "urn:cortex:problem:worker-failed", "title": "t", "detail": HOSTILE},
        "result": {"text": HOSTILE}})
}

fn event() -> Value {
    json!({"id": "0.1", "version": 1, "attempt": 0, "at": "2026-11-20T23:36:30.000Z", "name": "failed\x1b",
        "state": "FAILED", "detail": {"worker": HOSTILE, "lease": ID}})
}

fn worker() -> Value {
    json!({"id": "echo-1", "kind": "echo", "pool": "echo", "topics": ["job.echo", HOSTILE], "capacity": 4,
        "in_flight": 1, "draining": false, "models": [HOSTILE], "pid": 9, "resident": 3_145_728,
        "memory_free": 9_437_184})
}
