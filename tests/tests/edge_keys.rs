//! Keys at the edge. Write access to KV gains an attacker nothing, and open streams end when their
//! key is revoked.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use cortex_tests::api::Api;
use cortex_tests::edge::{Edge, Secrets, Setup};
use cortex_tests::origin_stub::{OriginStub, ReceivedRequest, StubBehavior};
use cortex_tests::{ports, wait};
use reqwest::Method;
use serde_json::{Value, json};

/// How long requests of a revoked key may continue.
const REVOCATION_TIMEOUT: Duration = Duration::from_secs(5);
const LIMIT: Duration = Duration::from_secs(30);

/// Chats about streams stream, chats about silence are silent, and everything else is answered.
fn play(request: &ReceivedRequest) -> StubBehavior {
    match () {
        () if request.path.ends_with("/events") || request.body.contains("stream") => StubBehavior::Stream,
        () if request.body.contains("silence") => StubBehavior::Silence,
        () => StubBehavior::Answer,
    }
}

fn id(api: &Api) -> String {
    api.key.split('_').nth(1).unwrap().to_owned()
}

fn ledgers(folder: &std::path::Path) -> usize {
    let folder = folder.join("edge/state/v3/do/cortex-edge-Ledger");
    let files = std::fs::read_dir(folder).unwrap().flatten();
    files.filter(|file| file.path().extension().is_some_and(|kind| kind == "sqlite")).count()
}

#[tokio::test]
async fn a_writable_kv_gains_an_attacker_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let origin = OriginStub::start(play);
    let edge =
        Edge::start(folder.path(), &Setup::before(&origin.url, Secrets::made()).with_test_ports()).await;
    let victim = edge.api("victim", "boss", &["ADMIN"]).await;
    let pointer_of_victim = edge.read_key(&id(&victim)).await;
    assert_eq!(victim.get("/v1/models").await.status, 200);
    let before = ledgers(folder.path());

    let with = |mut pointer: Value, members: Value| {
        pointer.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        pointer
    };
    let whole_record = json!({"principal": "boss", "roles": ["ADMIN"], "epoch": 99, "id": "x", "hash": "00"});
    // Each uses a key that no request has shown yet, so that nothing about it is cached.
    for (what, members, status) in [
        ("another principal and roles", whole_record, 200),
        ("another tenant", json!({"tenant": "victim"}), 401),
        ("a tenant that does not exist", json!({"tenant": "invented"}), 401),
        ("the pointer of another's key", pointer_of_victim.clone(), 401),
        ("another seal", json!({"seal": "00".repeat(32)}), 401),
        ("a long text", json!({"note": "x".repeat(100_000)}), 401),
    ] {
        let api = edge.api("acme", "ci", &[]).await;
        let pointer = edge.read_key(&id(&api)).await;
        edge.write_key(&id(&api), Some(&with(pointer, members))).await;
        assert_eq!(api.get("/v1/models").await.status, status, "{what}");
    }
    let seen = origin.seen("/v1/models");
    let names = |seen: &ReceivedRequest| {
        ["cortex-tenant", "cortex-principal", "cortex-roles"].map(|name| seen.header(name).to_owned())
    };
    assert_eq!(seen.iter().map(names).collect::<Vec<_>>(), [["victim", "boss", "ADMIN"], ["acme", "ci", ""]]);

    let revoked = edge.api("acme", "ci", &[]).await;
    let pointer = edge.read_key(&id(&revoked)).await;
    edge.revoke(&revoked).await;
    edge.write_key(&id(&revoked), Some(&pointer)).await;
    assert_eq!(revoked.get("/v1/models").await.status, 401, "a revoked key that was put back");

    let invented = format!("ctx_aaaaaaaaaaaa_{}", "A".repeat(43));
    for pointer in [pointer_of_victim, json!({"tenant": "invented", "seal": ""})] {
        edge.write_key("aaaaaaaaaaaa", Some(&pointer)).await;
        assert_eq!(victim.with_key(&invented).get("/v1/models").await.status, 401, "an invented key");
    }
    // The ledger of the tenant `acme` is new. Values in KV made no other one.
    assert_eq!(ledgers(folder.path()), before + 1);
}

#[tokio::test]
async fn a_job_belongs_to_the_principal_in_the_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let origin = OriginStub::start(play);
    let edge =
        Edge::start(folder.path(), &Setup::before(&origin.url, Secrets::made()).with_test_ports()).await;
    let api = edge.api("acme", "ci", &["DEV"]).await;
    let mut pointer = edge.read_key(&id(&api)).await;
    pointer["principal"] = json!("boss");
    edge.write_key(&id(&api), Some(&pointer)).await;
    assert_eq!(api.submit("job.echo", json!(1)).await.status, 202);
    let delivered =
        wait::until("the job is delivered", LIMIT, async || origin.seen("/api/v1/jobs").into_iter().next())
            .await;
    assert_eq!((delivered.header("cortex-principal"), delivered.header("cortex-roles")), ("ci", "DEV"));
}

#[tokio::test]
async fn streams_end_with_a_reason_when_their_key_is_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let origin = OriginStub::start(play);
    let edge = Edge::start(folder.path(), &Setup::before(&origin.url, Secrets::made())).await;
    let (api, other) = (edge.api("acme", "ci", &[]).await, edge.api("acme", "guest", &[]).await);
    let chat = json!({"model": "echo", "messages": [{"role": "user", "content": "stream"}], "stream": true});
    let events = "/api/v1/jobs/01a1fb51-9430-7707-8707-070707070707/events";
    let open = async |api: &Api, path: &str| {
        let request = match path {
            "/v1/chat/completions" => api.request(Method::POST, path).json(&chat),
            _ => api.request(Method::GET, path).header("accept", "text/event-stream"),
        };
        let mut answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.chunk().await.unwrap().unwrap();
        answer
    };
    let first = open(&api, "/v1/chat/completions").await;
    let second = open(&api, events).await;
    let mut goes_on = open(&other, "/v1/chat/completions").await;
    edge.revoke(&api).await;
    let revoked = Instant::now();
    let (first, second) = tokio::join!(first.text(), second.text());
    assert!(revoked.elapsed() < REVOCATION_TIMEOUT, "{:?}", revoked.elapsed());

    let first = first.unwrap();
    let last: Value = serde_json::from_str(first.trim_end().rsplit("data: ").next().unwrap()).unwrap();
    assert_eq!(last["error"]["code"], "unauthenticated", "{first}");
    let second = second.unwrap();
    let (_, last) = second.trim_end().rsplit_once("event: error\ndata: ").unwrap();
    let last: Value = serde_json::from_str(last).unwrap();
    assert_eq!(last["type"], "urn:cortex:problem:unauthenticated", "{second}");
    wait::until("both end at the origin", LIMIT, async || (origin.closed().len() == 2).then_some(())).await;
    assert!(goes_on.chunk().await.unwrap().is_some(), "another key of the tenant goes on");

    let notice = wait::until("the origin learns of the revoked key", LIMIT, async || {
        origin.seen("/internal/revoked").into_iter().next()
    })
    .await;
    assert_eq!(notice.header("cortex-tenant"), "acme");
    assert_eq!(notice.body, json!({"key": id(&api)}).to_string());
}

#[tokio::test]
async fn a_client_disconnect_ends_the_call_at_the_origin_within_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let origin = OriginStub::start(play);
    let edge = Edge::start(folder.path(), &Setup::before(&origin.url, Secrets::made())).await;
    let api = edge.api("acme", "ci", &[]).await;
    let waits = json!({"topic": "job.echo", "input": "silence"});
    let chats = json!({"model": "echo", "messages": [{"role": "user", "content": "silence"}]});
    let embeds = json!({"model": "echo", "input": "silence"});
    for (path, body) in [("/v1/chat/completions", chats), ("/v1/embeddings", embeds), ("/api/v1/jobs", waits)]
    {
        let request = api.request(Method::POST, path).header("prefer", "wait=30").json(&body);
        let call = tokio::spawn(request.send());
        wait::until("the call is at the origin", LIMIT, async || origin.seen(path).pop()).await;
        call.abort();
        let left = Instant::now();
        let ended = wait::until("the call ends", LIMIT, async || {
            origin.closed().contains(&path.to_owned()).then(|| left.elapsed())
        })
        .await;
        assert!(ended < Duration::from_secs(1), "{path}: {ended:?}");
    }
}

#[tokio::test]
async fn an_origin_that_was_down_when_a_key_was_revoked_learns_of_it_later() {
    let folder = tempfile::tempdir().unwrap();
    let port = ports::free();
    let setup = Setup::before(&format!("http://127.0.0.1:{port}"), Secrets::made());
    let edge = Edge::start(folder.path(), &setup).await;
    let (revoked, other) = (edge.api("acme", "ci", &[]).await, edge.api("acme", "guest", &[]).await);
    edge.revoke(&revoked).await;

    // The pending work of the Worker ends with it, as it does at the Worker's time limit.
    let setup = edge.kill();
    let _edge = Edge::start(folder.path(), &setup).await;
    let origin = OriginStub::start_at(port, play);
    let notice = wait::until("the origin learns of the revoked key", LIMIT, async || {
        assert_eq!(other.get("/v1/models").await.status, 200, "the other key holds");
        origin.seen("/internal/revoked").into_iter().next()
    })
    .await;
    let body: Value = serde_json::from_str(&notice.body).unwrap();
    assert_eq!((body, notice.header("cortex-tenant")), (json!({"key": id(&revoked)}), "acme"));
}
