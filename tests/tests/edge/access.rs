//! Who may call the edge, and what it refuses.

use std::time::{Duration, Instant};

use cortex_tests::api::{Answer, read};
use cortex_tests::stack::Stack;
use cortex_tests::wait;
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn a_bad_key_is_refused_and_a_revoked_one_within_five_seconds() {
    let stack = Stack::echo().await;
    for key in ["", "nonsense", "ctx_aaaaaaaaaaaa_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        let answer = stack.api.with_key(key).submit("job.echo", json!(1)).await;
        assert_eq!((answer.status, answer.problem()), (401, "unauthenticated"), "{key}");
    }
    let other = stack.edge.api("acme", "guest", &[]).await;
    assert_eq!(other.submit("job.echo", json!(1)).await.status, 202);
    stack.edge.revoke(&other).await;
    wait::until("the revoked key is refused", Duration::from_secs(5), async || {
        (other.submit("job.echo", json!(1)).await.status == 401).then_some(())
    })
    .await;
    assert_eq!(other.get("/v1/models").await.status, 401);
    assert_eq!(
        stack.api.submit("job.echo", json!(1)).await.status,
        202,
        "another key of the tenant still holds"
    );
}

#[tokio::test]
async fn another_tenants_job_looks_missing() {
    let stack = Stack::echo().await;
    let id = stack.api.submit("job.echo", json!(1)).await.id();
    stack.api.ended(&id, Duration::from_secs(30)).await;
    let other = stack.edge.api("globex", "ci", &[]).await;
    let missing = "01a1fb51-9430-7707-8707-070707070707";
    for id in [id.as_str(), missing, "nonsense"] {
        for path in [format!("/api/v1/jobs/{id}"), format!("/api/v1/jobs/{id}/events")] {
            let answer = other.get(&path).await;
            assert_eq!((answer.status, answer.problem()), (404, "not-found"), "{path}");
        }
        let answer = other.post(&format!("/api/v1/jobs/{id}/cancel"), &json!({})).await;
        assert_eq!((answer.status, answer.problem()), (404, "not-found"));
    }
    assert_eq!(other.get("/api/v1/jobs").await.body["jobs"], json!([]));
}

#[tokio::test]
async fn a_body_full_of_secret_prefixes_costs_the_edge_little_more_than_prose() {
    const TRIES: usize = 3;
    const MAX_FACTOR: u32 = 10;
    let stack = Stack::echo().await;
    // The body is scanned to its end and then refused, so that nothing else takes time.
    let took = async |unit: &str| {
        let body = json!({"topic": "job.nope", "input": unit.repeat(1_000_000 / unit.len())});
        let mut best = Duration::MAX;
        for _ in 0..TRIES {
            let start = Instant::now();
            let answer = stack.api.post("/api/v1/jobs", &body).await;
            best = best.min(start.elapsed());
            assert_eq!((answer.status, answer.problem()), (422, "unknown-topic"), "{unit}: {answer:?}");
        }
        best
    };
    let prose = took("a line of words, as people write them. ").await;
    for unit in ["sk-", "xsk-", "eyJ.", "eyJaaaaaaa.eyJ.", "ghp_", "-----BEGIN ", "\u{ad}sk-"] {
        let hostile = took(unit).await;
        assert!(hostile < prose * MAX_FACTOR, "{unit:?} took {hostile:?}, prose {prose:?}");
    }
}

#[tokio::test]
async fn bad_input_is_refused_at_the_edge_as_at_the_origin() {
    let stack = Stack::echo().await;
    let send = async |content_type: &str, body: String| -> Answer {
        read(stack.api.request(Method::POST, "/api/v1/jobs").header("content-type", content_type).body(body))
            .await
    };
    let deep = format!(r#"{{"topic":"job.echo","input":{}{}}}"#, "[".repeat(65), "]".repeat(65));
    let secret = r#"{"topic":"job.echo","input":{"note":"AKIAIOSFODNN7EXAMPLE"}}"#.to_owned();
    let json_type = "application/json";
    for (content_type, body, status, problem) in [
        (json_type, "{".to_owned(), 400, "malformed-json"),
        ("text/plain", "{}".to_owned(), 415, "unsupported-media-type"),
        (json_type, r#"{"topic":"job.nope","input":1}"#.to_owned(), 422, "unknown-topic"),
        (json_type, deep, 400, "too-deep"),
        (json_type, secret, 422, "secret-in-input"),
    ] {
        let answer = send(content_type, body).await;
        assert_eq!((answer.status, answer.problem()), (status, problem), "{answer:?}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    let smuggled = stack.api.request(Method::POST, "/api/v1/jobs").header("cortex-tenant", "globex");
    let accepted = read(smuggled.json(&json!({"topic": "job.echo", "input": 1}))).await;
    assert_eq!(accepted.status, 202);
    assert_eq!(stack.api.get(&format!("/api/v1/jobs/{}", accepted.id())).await.status, 200);
}
