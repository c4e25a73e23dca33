//! The edge's queue and ledger, in front of an origin that can be taken down: a plain listener that
//! records and accepts what it receives.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cortex_tests::edge::{Edge, Secrets, Setup};
use cortex_tests::origin_stub::{OriginStub, ReceivedRequest, StubBehavior};
use cortex_tests::{ports, wait};
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(60);

/// Job ids in the order of their arrival.
type Arrived = Arc<Mutex<Vec<String>>>;

/// Accepts every job on `port` until the process ends.
fn listen(port: u16) -> Arrived {
    let arrived = Arrived::default();
    let (listener, note) = (TcpListener::bind(("127.0.0.1", port)).unwrap(), arrived.clone());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let note = note.clone();
            std::thread::spawn(move || accept(stream, &note));
        }
    });
    arrived
}

fn accept(mut stream: TcpStream, arrived: &Arrived) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let (mut job, mut length) = (None, 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match line.trim().split_once(": ").map(|(name, value)| (name.to_ascii_lowercase(), value)) {
            Some((name, value)) if name == "cortex-job-id" => job = Some(value.to_owned()),
            Some((name, value)) if name == "content-length" => length = value.parse().ok()?,
            None if line.trim().is_empty() => break,
            _ => {}
        }
    }
    reader.take(length).read_to_end(&mut Vec::new()).ok()?;
    if let Some(job) = job {
        arrived.lock().unwrap().push(job);
    }
    let answer = "HTTP/1.1 202 Accepted\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
    stream.write_all(answer.as_bytes()).ok()
}

async fn has_arrived(arrived: &Arrived, jobs: &[String]) {
    wait::until("all jobs arrive", LIMIT, async || {
        let arrived = arrived.lock().unwrap();
        jobs.iter().all(|job| arrived.contains(job)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn only_a_malformed_message_is_retried_and_duplicates_have_no_effect() {
    let folder = tempfile::tempdir().unwrap();
    let port = ports::free();
    let arrived = listen(port);
    let setup = Setup::before(&format!("http://127.0.0.1:{port}"), Secrets::made()).with_test_ports();
    let edge = Edge::start(folder.path(), &setup).await;
    let api = edge.api("acme", "ci", &[]).await;

    let job = api.submit("job.echo", json!(1)).await.id();
    has_arrived(&arrived, std::slice::from_ref(&job)).await;
    let envelope = json!({
        "job": job, "tenant": "acme", "principal": "ci", "roles": [], "content_type": "application/json",
        "traceparent": "", "hops": "", "parked": false,
    });
    let duplicate = format!("{envelope}\n{{}}");
    let mut messages = vec![duplicate.as_str(); 9];
    messages.insert(4, "this is no envelope");
    edge.send_to_queue(&messages).await;

    wait::until("the bad message is lost on record", LIMIT, async || {
        edge.log().contains("\"event\":\"queue.lost\"").then_some(())
    })
    .await;
    assert!(edge.log().matches("queue.malformed").count() > 1, "the queue retries it before it gives up");
    assert_eq!(*arrived.lock().unwrap(), [job], "nine duplicates were not delivered again");
}

/// Makes a queue message like the Worker's, which an attacker may have written.
fn message(job: &str, tenant: &str, input: &str) -> String {
    let envelope = json!({
        "job": job, "tenant": tenant, "principal": "boss", "roles": ["ADMIN"], "content_type": "application/json",
        "traceparent": "", "hops": "", "parked": false,
    });
    format!("{envelope}\n{{\"topic\":\"job.echo\",\"input\":\"{input}\"}}")
}

#[tokio::test]
async fn a_forged_message_delivers_only_jobs_of_the_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let port = ports::free();
    let setup = Setup::before(&format!("http://127.0.0.1:{port}"), Secrets::made()).with_test_ports();
    let edge = Edge::start(folder.path(), &setup).await;
    let (api, victim) = (edge.api("acme", "ci", &[]).await, edge.api("victim", "boss", &["ADMIN"]).await);
    assert_eq!(victim.submit("job.echo", json!("theirs")).await.status, 202);
    let job = api.submit("job.echo", json!("mine")).await.id();
    api.job_in(&job, &["PENDING"], LIMIT).await;
    let ledgers = ledgers(folder.path());

    let origin = OriginStub::start_at(port, |_| StubBehavior::Answer);
    let invented = "01a1fb51-9430-7707-8707-070707070707";
    let forged = [
        message(invented, "acme", "forged"),
        message(invented, "invented", "forged"),
        message(invented, "no tenant at all", "forged"),
        message(&job, "victim", "forged"),
        message(&job, "invented", "forged"),
        // Names a waiting job, which is sent as the ledger holds it.
        message(&job, "acme", "forged"),
    ];
    edge.send_to_queue(&forged.each_ref().map(String::as_str)).await;
    let arrived = || {
        let seen = origin.seen("/api/v1/jobs");
        seen.into_iter().filter(|seen| seen.method == "POST").collect::<Vec<_>>()
    };
    let delivered = wait::until("both jobs arrive", LIMIT, async || {
        // A list request makes the ledger probe the origin.
        victim.get("/api/v1/jobs").await;
        (arrived().len() >= 2).then(arrived)
    })
    .await;
    wait::until("the message without a tenant was looked at", LIMIT, async || {
        edge.log().contains("the envelope has an invalid tenant").then_some(())
    })
    .await;

    let facts = |seen: &ReceivedRequest| {
        let names = ["cortex-tenant", "cortex-principal", "cortex-roles"].map(|name| seen.header(name));
        let body: Value = serde_json::from_str(&seen.body).unwrap();
        (names.join("/"), body["input"].clone())
    };
    let mut all: Vec<_> = delivered.iter().map(facts).collect();
    all.sort_by(|one, other| one.0.cmp(&other.0));
    let expected = [("acme/ci/", "mine"), ("victim/boss/ADMIN", "theirs")];
    assert_eq!(all, expected.map(|(names, input)| (names.to_owned(), json!(input))));
    assert_eq!(arrived().len(), 2, "each once, and nothing that was forged");
    assert_eq!(ledgers, self::ledgers(folder.path()), "no message began a ledger");
}

/// Returns how many ledgers have written something. workerd makes an empty file for a ledger that
/// was only read.
fn ledgers(folder: &std::path::Path) -> usize {
    let files = std::fs::read_dir(folder.join("edge/state/v3/do/cortex-edge-Ledger")).unwrap().flatten();
    let is_log = |file: &std::fs::DirEntry| file.path().extension().is_some_and(|kind| kind == "sqlite-wal");
    files.filter(|file| is_log(file) && file.metadata().is_ok_and(|about| about.len() > 0)).count()
}

#[tokio::test]
async fn jobs_survive_a_kill_of_the_edge_and_an_outage_of_the_origin() {
    let folder = tempfile::tempdir().unwrap();
    let port = ports::free();
    let setup = Setup::before(&format!("http://127.0.0.1:{port}"), Secrets::made());
    let edge = Edge::start(folder.path(), &setup).await;
    let api = edge.api("acme", "ci", &[]).await;

    let mut jobs = Vec::new();
    for input in [json!("small"), json!("x".repeat(300_000)), json!("y".repeat(119_000))] {
        let answer = api.submit("job.echo", input).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        jobs.push(answer.id());
    }
    let held = api.job_in(&jobs[0], &["PENDING"], LIMIT).await;
    assert_eq!(held["id"], jobs[0].as_str());
    assert_eq!(api.submit_and_wait("job.echo", json!(1), 5).await.status, 503);

    let setup = edge.kill();
    let edge = Edge::start(folder.path(), &setup).await;
    let arrived = listen(port);
    for job in &jobs {
        // The request makes the ledger probe the origin. The response is the ledger's view, or the
        // listener's once the job has been delivered.
        assert!(api.get(&format!("/api/v1/jobs/{job}")).await.status < 300);
    }
    has_arrived(&arrived, &jobs).await;
    drop(edge);
}

/// Changes the row of a job in a ledger, while no process has it open.
fn damage(folder: &std::path::Path, job: &str, change: &str) {
    let files = std::fs::read_dir(folder.join("edge/state/v3/do/cortex-edge-Ledger")).unwrap().flatten();
    let ledgers = files.filter(|file| {
        let name = file.file_name().into_string().unwrap();
        name.ends_with(".sqlite") && name != "metadata.sqlite"
    });
    let changed = ledgers.map(|file| {
        let ledger = rusqlite::Connection::open(file.path()).unwrap();
        ledger.execute(&format!("UPDATE job SET {change} WHERE id = ?"), [job]).unwrap()
    });
    assert_eq!(changed.sum::<usize>(), 1);
}

#[tokio::test]
async fn a_corrupt_row_is_never_delivered_and_does_not_block_other_jobs() {
    let folder = tempfile::tempdir().unwrap();
    let port = ports::free();
    let setup = Setup::before(&format!("http://127.0.0.1:{port}"), Secrets::made());
    let edge = Edge::start(folder.path(), &setup).await;
    let api = edge.api("acme", "ci", &[]).await;
    let mut jobs = Vec::new();
    for input in ["unknown place", "impossible state", "sound"] {
        jobs.push(api.submit("job.echo", json!(input)).await.id());
    }
    let setup = edge.kill();
    damage(folder.path(), &jobs[0], "place = 'lost', due = 0");
    damage(folder.path(), &jobs[1], "place = 'waiting', state = 'RUNNING', due = 0");

    let edge = Edge::start(folder.path(), &setup).await;
    let listed = api.get("/api/v1/jobs").await;
    assert_eq!(listed.body["jobs"].as_array().unwrap().len(), 1, "{listed:?}");
    assert_eq!(listed.body["jobs"][0]["id"], jobs[2].as_str());
    let arrived = listen(port);
    has_arrived(&arrived, &jobs[2..]).await;
    let next = api.submit("job.echo", json!(1)).await.id();
    has_arrived(&arrived, std::slice::from_ref(&next)).await;
    let mut sent = arrived.lock().unwrap().clone();
    sent.dedup();
    assert_eq!(sent, [jobs[2].clone(), next]);
    for corrupt in &jobs[..2] {
        assert_eq!(api.get(&format!("/api/v1/jobs/{corrupt}")).await.status, 500);
    }
    let log = edge.log();
    assert!(log.contains("ledger.corrupt_job") && log.contains("unknown place `lost`"), "{log}");
}

#[tokio::test]
async fn a_job_that_the_origin_reports_belongs_to_the_origin() {
    let folder = tempfile::tempdir().unwrap();
    let port = ports::free();
    let setup = Setup::before(&format!("http://127.0.0.1:{port}"), Secrets::made());
    let edge = Edge::start(folder.path(), &setup).await;
    let api = edge.api("acme", "ci", &[]).await;
    let job = api.submit("job.echo", json!("x".repeat(300_000))).await.id();
    api.job_in(&job, &["PENDING"], LIMIT).await;

    let line = json!({"tenant": "acme", "job": job, "version": 6, "state": "SUCCEEDED",
        "at": "2026-11-21T03:00:00Z"});
    let report = json!({ "states": [line] });
    let response = edge.signed(reqwest::Method::POST, "/internal/ledger/states", "", Some(&report)).await;
    assert_eq!(response.body, json!({"applied": 1}), "{response:?}");
    assert_eq!(
        api.job(&job).await["state"],
        "SUCCEEDED",
        "the origin is unreachable: this is what it reported"
    );

    let arrived = listen(port);
    assert_eq!(api.get(&format!("/api/v1/jobs/{job}")).await.body, json!({}), "the listener has the result");
    let next = api.submit("job.echo", json!(1)).await.id();
    has_arrived(&arrived, std::slice::from_ref(&next)).await;
    assert_eq!(*arrived.lock().unwrap(), [next], "the edge does not send the reported job again");
}

#[tokio::test]
async fn the_origin_cancels_a_job_that_was_cancelled_in_the_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let port = ports::free();
    let setup = Setup::before(&format!("http://127.0.0.1:{port}"), Secrets::made());
    let edge = Edge::start(folder.path(), &setup).await;
    let api = edge.api("acme", "ci", &[]).await;
    let job = api.submit("job.echo", json!(1)).await.id();
    let cancelled = api.post(&format!("/api/v1/jobs/{job}/cancel"), &json!({})).await;
    assert_eq!((cancelled.status, &cancelled.body["state"]), (200, &json!("CANCELLED")));

    // The response to the delivery was lost, and now the origin reports the job.
    let report = |state| {
        let line = json!({"tenant": "acme", "job": job, "version": 3, "state": state,
            "at": "2026-11-21T03:00:00Z"});
        json!({ "states": [line] })
    };
    let path = "/internal/ledger/states";
    let response = edge.signed(reqwest::Method::POST, path, "", Some(&report("RUNNING"))).await;
    assert_eq!(response.body, json!({"applied": 0, "cancelled": [job]}), "{response:?}");
    let response = edge.signed(reqwest::Method::POST, path, "", Some(&report("CANCELLED"))).await;
    assert_eq!(response.body, json!({"applied": 0}), "the job has ended at the origin");
    assert_eq!(api.job(&job).await["state"], "CANCELLED");
}

#[tokio::test]
async fn a_revoked_key_and_a_replayed_signature_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup::before("http://127.0.0.1:9", Secrets::made());
    let edge = Edge::start(folder.path(), &setup).await;
    let api = edge.api("acme", "ci", &["DEV"]).await;
    assert_eq!(api.submit("job.echo", json!(1)).await.status, 202);
    edge.revoke(&api).await;
    let answer = api.submit("job.echo", json!(1)).await;
    assert_eq!((answer.status, answer.problem()), (401, "unauthenticated"));

    let listed = edge.signed(reqwest::Method::GET, "/internal/keys", "tenant=acme", None).await;
    assert_eq!(listed.body["keys"][0]["revoked"], true);
    assert!(!listed.body.to_string().contains("hash"));

    // The cache has forgotten the key, but its tenant's ledger has not.
    let path = format!("/internal/keys/{}", api.key.split('_').nth(1).unwrap());
    for (query, status) in [("", 404), ("tenant=other", 404), ("tenant=acme", 200)] {
        assert_eq!(edge.signed(reqwest::Method::DELETE, &path, query, None).await.status, status, "{query}");
    }
}
