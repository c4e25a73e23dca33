//! The limits of a tenant's ledger at the edge. At a limit, that tenant is refused by name, and
//! others are not.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::Duration;

use cortex_tests::api::{Answer, Api, read};
use cortex_tests::edge::{Edge, Secrets, Setup};
use cortex_tests::wait;
use reqwest::Method;
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(30);

/// Starts an edge whose origin is down, so that jobs wait in the ledger.
async fn edge(folder: &Path, limits: &str) -> Edge {
    let setup = Setup::before("http://127.0.0.1:9", Secrets::made());
    Edge::start(folder, &Setup { ledger_limits: limits.to_owned(), ..setup }).await
}

fn assert_full(refused: &Answer, limit: u64) {
    assert_eq!((refused.status, refused.problem()), (429, "overloaded"), "{refused:?}");
    assert_eq!((refused.header("retry-after"), &refused.body["limit"]), ("30", &json!(limit)), "{refused:?}");
}

#[tokio::test]
async fn a_tenant_at_its_limit_of_waiting_jobs_is_refused_until_one_ends() {
    let folder = tempfile::tempdir().unwrap();
    let edge = edge(folder.path(), "jobs=3").await;
    let (api, other) = (edge.api("acme", "ci", &[]).await, edge.api("globex", "ci", &[]).await);
    let mut jobs = Vec::new();
    for n in 0..3 {
        jobs.push(api.submit("job.echo", json!(n)).await.id());
    }
    assert_full(&api.submit("job.echo", json!(3)).await, 3);
    assert_eq!(other.submit("job.echo", json!(1)).await.status, 202);

    // A job on its way to the origin can't be cancelled here, and comes back at once.
    let path = format!("/api/v1/jobs/{}/cancel", jobs[1]);
    wait::until("a job is cancelled", LIMIT, async || {
        (api.post(&path, &json!({})).await.status == 200).then_some(())
    })
    .await;
    assert_eq!(api.submit("job.echo", json!(4)).await.status, 202);
    assert_full(&api.submit("job.echo", json!(5)).await, 3);
    assert_eq!(api.get("/api/v1/jobs").await.body["jobs"].as_array().unwrap().len(), 4, "none was lost");
}

#[tokio::test]
async fn waiting_bodies_are_limited_per_tenant_and_counted_again_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let edge = edge(folder.path(), "bytes=1500000").await;
    let (api, other) = (edge.api("acme", "ci", &[]).await, edge.api("globex", "ci", &[]).await);
    let large = json!("x".repeat(600_000));
    for _ in 0..2 {
        assert_eq!(api.submit("job.echo", large.clone()).await.status, 202);
    }
    assert_full(&api.submit("job.echo", large.clone()).await, 1_500_000);
    assert_eq!(api.submit("job.echo", json!(1)).await.status, 202, "a small one has room");
    for _ in 0..2 {
        assert_eq!(other.submit("job.echo", large.clone()).await.status, 202);
    }

    let setup = edge.kill();
    let _edge = Edge::start(folder.path(), &setup).await;
    assert_full(&api.submit("job.echo", large).await, 1_500_000);
    assert_eq!(other.submit("job.echo", json!(1)).await.status, 202);
}

#[tokio::test]
async fn a_tenant_at_its_limit_of_keys_gets_no_more_and_others_do() {
    let folder = tempfile::tempdir().unwrap();
    let edge = edge(folder.path(), "keys=2").await;
    let (api, second) = (edge.api("acme", "ci", &[]).await, edge.api("acme", "cd", &[]).await);
    let third = async || {
        let body = json!({"tenant": "acme", "principal": "guest", "roles": []});
        edge.signed(Method::POST, "/internal/keys", "", Some(&body)).await
    };
    let refused = third().await;
    assert_eq!((refused.status, refused.problem()), (409, "conflict"), "{refused:?}");
    assert_eq!((refused.header("retry-after"), &refused.body["limit"]), ("", &json!(2)));
    edge.revoke(&second).await;
    assert_eq!(third().await.status, 409, "a revoked key is remembered, so it counts");

    let other = edge.api("globex", "ci", &[]).await;
    for api in [&api, &other] {
        assert_eq!(api.submit("job.echo", json!(1)).await.status, 202);
    }
}

#[tokio::test]
async fn the_oldest_idempotency_key_is_forgotten_at_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let edge = edge(folder.path(), "idempotency=2").await;
    let (api, other) = (edge.api("acme", "ci", &[]).await, edge.api("globex", "ci", &[]).await);
    let submit = async |api: &Api, key: &str| {
        let request = api.request(Method::POST, "/api/v1/jobs").header("idempotency-key", key);
        let answer = read(request.json(&json!({"topic": "job.echo", "input": Value::Null}))).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.id()
    };
    let others = submit(&other, "first").await;
    let first = submit(&api, "first").await;
    let second = submit(&api, "second").await;
    assert_eq!(submit(&api, "first").await, first, "there is room for both");
    let third = submit(&api, "third").await;
    assert_eq!([submit(&api, "second").await, submit(&api, "third").await], [second, third]);
    assert_ne!(submit(&api, "first").await, first, "the oldest went");
    assert_eq!(submit(&other, "first").await, others, "another tenant's are its own");
}
