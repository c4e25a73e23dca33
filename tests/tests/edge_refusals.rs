//! Requests that the edge refuses, the order of its checks, and CORS.
#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use cortex_tests::api::{Answer, Api, read};
use cortex_tests::edge::{Edge, Secrets, Setup};
use cortex_tests::origin_stub::{OriginStub, StubBehavior};
use reqwest::Method;
use serde_json::json;

const PAGE: &str = "https://app.example.com";
const JOB: &str = r#"{"topic":"job.echo","input":1}"#;

/// Sends only a head, and returns the status of the response.
fn status_of_a_head(edge: &Edge, head: &str) -> (u16, Duration) {
    let mut stream = TcpStream::connect(("127.0.0.1", edge.setup.port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let began = Instant::now();
    stream.write_all(format!("{head}\r\n\r\n").as_bytes()).unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    let status = std::str::from_utf8(&answer[9..]).unwrap().parse().unwrap();
    (status, began.elapsed())
}

#[tokio::test]
async fn a_caller_without_access_is_refused_before_its_body_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let edge = Edge::start(folder.path(), &Setup::before("http://127.0.0.1:9", Secrets::made())).await;
    let (good, revoked) = (edge.api("acme", "ci", &[]).await, edge.api("acme", "old", &[]).await);
    assert_eq!(revoked.submit("job.echo", json!(1)).await.status, 202);
    edge.revoke(&revoked).await;
    let invented = good.with_key(&format!("ctx_aaaaaaaaaaaa_{}", "A".repeat(43)));

    // The body never arrives.
    let json_type = "Content-Type: application/json";
    for (path, more, status) in [
        ("/api/v1/jobs", json_type.to_owned(), 401),
        ("/v1/chat/completions", format!("{json_type}\r\nAuthorization: Bearer {}", revoked.key), 401),
        ("/api/v1/jobs", format!("{json_type}\r\nAuthorization: Bearer {}", revoked.key), 401),
        ("/v1/embeddings", format!("{json_type}\r\nAuthorization: Bearer {}", invented.key), 401),
        ("/internal/keys", json_type.to_owned(), 401),
        ("/api/v1/jobs", "Content-Type: text/plain".to_owned(), 415),
        ("/api/v1/jobs", format!("{json_type}\r\nContent-Encoding: gzip"), 415),
        ("/nothing", json_type.to_owned(), 404),
    ] {
        let head = format!("POST {path} HTTP/1.1\r\nHost: edge\r\nContent-Length: 900000\r\n{more}");
        let (response, took) = status_of_a_head(&edge, &head);
        assert_eq!(response, status, "{head}");
        assert!(took < Duration::from_secs(5), "{head}: {took:?}");
    }

    // The body arrives, and would be refused for its content.
    let key_like = format!("{{\"topic\":\"job.echo\",\"input\":\"{}\"}}", "sk-".repeat(300_000));
    for body in
        ["{".to_owned(), key_like, r#"{"topic":"job.echo","input":"AKIAIOSFODNN7EXAMPLE"}"#.to_owned()]
    {
        for path in ["/api/v1/jobs", "/v1/chat/completions", "/v1/embeddings", "/chat"] {
            let request = revoked.request(Method::POST, path).header("content-type", "application/json");
            let answer = read(request.body(body.clone())).await;
            assert_eq!((answer.status, answer.problem()), (401, "unauthenticated"), "{path} {body:.20}");
            assert!(answer.header("www-authenticate").starts_with("Bearer"), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn a_refused_body_within_the_size_limit_gets_an_answer_and_not_a_closed_connection() {
    let folder = tempfile::tempdir().unwrap();
    let edge = Edge::start(folder.path(), &Setup::before("http://127.0.0.1:9", Secrets::made())).await;
    let api = edge.api("acme", "ci", &[]).await;
    let stranger = api.with_key("nonsense");
    for size in [1, 60_000, 70_000, 500_000, 1_048_576] {
        for (api, status) in [(&stranger, 401), (&api, 400)] {
            let request =
                api.request(Method::POST, "/api/v1/jobs").header("content-type", "application/json");
            let answer = read(request.body("x".repeat(size))).await;
            assert_eq!(answer.status, status, "{size}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn an_error_names_the_unsupported_coding_or_header() {
    let folder = tempfile::tempdir().unwrap();
    let origin = OriginStub::start(|_| StubBehavior::Answer);
    let edge = Edge::start(folder.path(), &Setup::before(&origin.url, Secrets::made())).await;
    let api = edge.api("acme", "ci", &[]).await;
    let send = async |path: &str, headers: &[(&str, &[u8])]| -> Answer {
        let mut request = api.request(Method::POST, path).header("content-type", "application/json");
        for (name, value) in headers {
            let value = reqwest::header::HeaderValue::from_bytes(value).unwrap();
            request = request.header(*name, value);
        }
        read(request.body(JOB)).await
    };
    for path in ["/api/v1/jobs", "/v1/chat/completions"] {
        for coding in ["gzip", "br", "deflate", "identity, zstd", "x-gzip"] {
            let refused = send(path, &[("content-encoding", coding.as_bytes())]).await;
            assert_eq!((refused.status, refused.problem()), (415, "unsupported-media-type"), "{coding}");
            let named = coding.rsplit(' ').next().unwrap();
            assert!(refused.body.to_string().contains(&format!("`{named}`")), "{refused:?}");
        }
    }
    assert_eq!(send("/api/v1/jobs", &[("content-encoding", b"identity")]).await.status, 202);
    for (name, value) in [
        ("prefer", "wait=1\u{e9}".as_bytes()),
        ("idempotency-key", "k\u{1f600}".as_bytes()),
        ("last-event-id", b"\xe9"),
        ("accept", "\u{fc}".as_bytes()),
    ] {
        let refused = send("/api/v1/jobs", &[(name, value)]).await;
        assert_eq!((refused.status, refused.problem()), (400, "invalid-request"), "{name}");
        assert!(refused.body.to_string().contains(name), "{refused:?}");
    }
    // A content type that is not text, with a body and without one.
    for method in [Method::POST, Method::GET] {
        let value = reqwest::header::HeaderValue::from_bytes("application/js\u{f6}n".as_bytes()).unwrap();
        let request = api.request(method, "/api/v1/jobs").header("content-type", value);
        let refused = read(request).await;
        assert!(matches!(refused.status, 400 | 415), "{refused:?}");
    }
    let named = api.request(Method::GET, "/v1/models").header("user-agent", "caf\u{e9}");
    assert_eq!(read(named).await.status, 200, "the edge accepts a `user-agent` beyond ASCII");
}

#[tokio::test]
async fn only_pages_of_listed_origins_may_read_answers() {
    let folder = tempfile::tempdir().unwrap();
    let origin = OriginStub::start(|seen| {
        if seen.body.contains("stream") { StubBehavior::Stream } else { StubBehavior::Answer }
    });
    let setup = Setup {
        cors: format!("{PAGE},http://localhost:5173"),
        ..Setup::before(&origin.url, Secrets::made())
    };
    let edge = Edge::start(folder.path(), &setup).await;
    let api = edge.api("acme", "ci", &[]).await;
    let preflight = async |path: &str, from: &str, method: &str| {
        let request = api.request(Method::OPTIONS, path).header("origin", from);
        let request = request.header("access-control-request-method", method);
        read(request.header("access-control-request-headers", "authorization,x-stainless-lang")).await
    };
    let allowed = preflight("/v1/chat/completions", PAGE, "POST").await;
    assert_eq!(allowed.status, 204, "{allowed:?}");
    assert_eq!(allowed.header("access-control-allow-methods"), "POST");
    assert_eq!(allowed.header("access-control-allow-headers"), "authorization, x-stainless-lang");
    assert!(!allowed.header("access-control-max-age").is_empty());
    for (path, from, method) in [
        ("/v1/chat/completions", "https://evil.example.com", "POST"),
        ("/v1/chat/completions", PAGE, "DELETE"),
        ("/internal/keys", PAGE, "POST"),
        ("/nothing", PAGE, "GET"),
    ] {
        let refused = preflight(path, from, method).await;
        assert!(matches!(refused.status, 404 | 405), "{path} {from} {method}: {refused:?}");
        assert_eq!(refused.header("access-control-allow-methods"), "", "{path} {from} {method}");
    }

    let chat = |text: &str| json!({"model": "echo", "messages": [{"role": "user", "content": text}]});
    let stranger = api.with_key("nonsense");
    let requests = |from: &'static str| {
        let request = |api: &Api, method, path: &str| api.request(method, path).header("origin", from);
        [
            (200, request(&api, Method::GET, "/v1/models")),
            (200, request(&api, Method::POST, "/v1/chat/completions").json(&chat("whole"))),
            (200, request(&api, Method::POST, "/v1/chat/completions").json(&chat("stream"))),
            (400, request(&api, Method::POST, "/v1/chat/completions").json(&json!({}))),
            (401, request(&stranger, Method::GET, "/v1/models")),
            (404, request(&api, Method::GET, "/nothing")),
            (405, request(&api, Method::PUT, "/v1/models")),
            (415, request(&api, Method::POST, "/api/v1/jobs").body("x")),
            (
                202,
                request(&api, Method::POST, "/api/v1/jobs").json(&json!({"topic": "job.echo", "input": 1})),
            ),
            (200, request(&api, Method::GET, "/health")),
        ]
    };
    for from in [
        PAGE,
        "http://localhost:5173",
        "https://evil.example.com",
        "null",
        "https://app.example.com.evil.net",
    ] {
        for (status, request) in requests(from) {
            let answer = request.send().await.unwrap();
            let header =
                |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
            assert_eq!(answer.status(), status, "{from}");
            assert_eq!(header("vary").as_deref(), Some("Origin"), "{from} {status}");
            let listed = from == PAGE || from.contains("localhost");
            assert_eq!(header("access-control-allow-origin").as_deref(), listed.then_some(from), "{status}");
            let exposed = header("access-control-expose-headers").unwrap_or_default();
            assert_eq!(exposed.contains("cortex-job-id"), listed, "{from} {status}");
        }
    }
}

#[tokio::test]
async fn without_listed_origins_no_page_may_read_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let edge = Edge::start(folder.path(), &Setup::before("http://127.0.0.1:9", Secrets::made())).await;
    let api = edge.api("acme", "ci", &[]).await;
    let request = api.request(Method::OPTIONS, "/v1/models").header("origin", PAGE);
    let refused = read(request.header("access-control-request-method", "GET")).await;
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (405, ""));
    let answer = read(api.request(Method::GET, "/health").header("origin", PAGE)).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, ""));
}

#[tokio::test]
async fn an_idempotency_key_makes_one_job_for_waiting_and_other_callers() {
    let folder = tempfile::tempdir().unwrap();
    let origin = OriginStub::start(|_| StubBehavior::Answer);
    let edge = Edge::start(folder.path(), &Setup::before(&origin.url, Secrets::made())).await;
    let api = edge.api("acme", "ci", &[]).await;
    let post = async |key: &str, waits: bool, input: &serde_json::Value| {
        let request = api.request(Method::POST, "/api/v1/jobs").header("idempotency-key", key);
        let request = if waits { request.header("prefer", "wait=5") } else { request };
        read(request.json(&json!({"topic": "job.echo", "input": input}))).await
    };
    for (key, input) in [("small", json!(1)), ("parked", json!("x".repeat(300_000)))] {
        for first_waits in [true, false] {
            let key = format!("{key}-{first_waits}");
            let mut ids = Vec::new();
            for waits in [first_waits, !first_waits, true, false] {
                let answer = post(&key, waits, &input).await;
                assert!(answer.status < 300, "{answer:?}");
                ids.push(answer.header("cortex-job-id").to_owned());
            }
            assert!(ids.iter().all(|id| *id == ids[0] && !id.is_empty()), "{key}: {ids:?}");
            for waits in [true, false] {
                let other = post(&key, waits, &json!(2)).await;
                assert_eq!((other.status, other.problem()), (422, "idempotency-mismatch"), "{key}");
            }
        }
    }
    // Both callers at once.
    let input = json!(3);
    let (one, two) = tokio::join!(post("both", true, &input), post("both", false, &input));
    assert_eq!(one.header("cortex-job-id"), two.header("cortex-job-id"));
}

#[tokio::test]
async fn health_checks_probe_the_origin_at_most_every_three_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let origin = OriginStub::start(|_| StubBehavior::Answer);
    let edge = Edge::start(folder.path(), &Setup::before(&origin.url, Secrets::made())).await;
    let before = (origin.seen("/health").len(), Instant::now());
    let api = edge.api("acme", "ci", &[]).await;
    for _ in 0..60 {
        assert_eq!(api.get("/health").await.body["checks"]["origin"], "ok");
    }
    let asked = origin.seen("/health").len() - before.0;
    let most = usize::try_from(before.1.elapsed().as_secs()).unwrap() / 3 + 1;
    assert!(asked <= most, "{asked} probes in {:?}", before.1.elapsed());
}
