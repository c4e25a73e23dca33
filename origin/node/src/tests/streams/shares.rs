//! What two tenants share at the HTTP API. When one has reached its share, the other is still
//! served.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cortex_domain::fair::Sharing;
use cortex_gateway::{Limits, SharedLimit};
use cortex_safety::Policies;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::body;
use super::caller::Caller;
use super::test_node::{TIMEOUT, TestNode};
use crate::{Config, SafetyConfig};

const MIB: usize = 1024 * 1024;

/// Returns an origin that all tenants may use, and callers of two of them.
async fn node(change: impl FnOnce(&mut Config)) -> (TestNode, Caller, Caller) {
    let node = TestNode::with(|config| {
        let all_tenants = "default: { allow: [\"job.>\"] }\n";
        config.safety = SafetyConfig::Local(Policies::parse(all_tenants, "safety.yaml".as_ref()).unwrap());
        change(config);
    })
    .await;
    let hog = Caller::of(&node, "hog", "abcdefghijka").await;
    let other = Caller::of(&node, "other", "abcdefghijkb").await;
    (node, hog, other)
}

/// Returns the limit that a rejection names.
async fn refused(answer: Response) -> Value {
    let again: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    let (status, problem) = body(answer).await;
    assert_eq!((status, &problem["type"]), (429, &json!("urn:cortex:problem:overloaded")), "{problem}");
    assert!(again >= 1);
    problem["limit"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_at_its_limit_of_waits_is_rejected_and_another_is_served() {
    let (node, hog, other) = node(|config| {
        config.scheduler.sharing = Sharing { calls: 4, ..Sharing::default() };
    })
    .await;
    // No worker runs these jobs, so the callers keep waiting.
    let mut waits = JoinSet::new();
    for _ in 0..3 {
        let hog = hog.clone();
        let asked = json!({"topic": "job.echo", "input": 1});
        waits.spawn(async move { hog.post("/api/v1/jobs", &asked, &[("prefer", "wait=60")]).await });
    }
    let first = tokio::time::timeout(TIMEOUT, waits.join_next()).await.expect("one of three is refused");
    assert_eq!(refused(first.unwrap().unwrap()).await, 2);

    let message = json!({"role": "user", "content": json!({"frames": 0}).to_string()});
    let input = json!({"model": "tiny", "messages": [message]});
    let asked = json!({"topic": "job.chat.simple", "input": input});
    let answer = other.post("/api/v1/jobs", &asked, &[("prefer", "wait=60")]).await;
    let (status, job) = body(answer).await;
    assert_eq!((status, &job["state"]), (200, &json!("SUCCEEDED")), "{job}");
    drop(waits);
    node.origin.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_at_its_limit_of_event_streams_is_rejected_and_another_is_served() {
    let (node, hog, other) = node(|config| {
        config.gateway.limits = Limits { readers: SharedLimit { all: 4, of_tenant: 2 }, ..Limits::default() };
    })
    .await;
    let listen = async |caller: &Caller| {
        let (status, job) = body(caller.submit().await).await;
        assert_eq!(status, 202, "{job}");
        let path = format!("/api/v1/jobs/{}/events", job["id"].as_str().unwrap());
        caller.get(&path, &[("accept", "text/event-stream")]).await
    };
    let mut open = vec![listen(&hog).await, listen(&hog).await];
    assert!(open.iter().all(|answer| answer.status() == 200));
    assert_eq!(refused(listen(&hog).await).await, 2);
    open.push(listen(&other).await);
    assert_eq!(open[2].status(), 200);
    open.remove(0);
    let again = async { while listen(&hog).await.status() != 200 {} };
    tokio::time::timeout(TIMEOUT, again).await.expect("a freed slot can be used again");
    node.origin.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_at_its_limit_of_submissions_is_rejected_and_another_is_served() {
    let (node, hog, other) = node(|config| {
        config.gateway.limits = Limits { submissions: 4, ..Limits::default() };
    })
    .await;
    let turned_away = Arc::new(AtomicUsize::new(0));
    let mut flood = JoinSet::new();
    for _ in 0..16 {
        let (hog, turned_away) = (hog.clone(), turned_away.clone());
        flood.spawn(async move {
            loop {
                let answer = hog.submit().await;
                if answer.status() != 202 {
                    assert!(refused(answer).await.as_u64().unwrap() <= 2);
                    turned_away.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
    let taken = async {
        let mut taken = 0;
        while taken < 20 || turned_away.load(Ordering::Relaxed) == 0 {
            let (status, job) = body(other.submit().await).await;
            assert_eq!(status, 202, "{job}");
            taken += 1;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), taken).await.expect("both happen");
    flood.abort_all();
    while let Some(ended) = flood.join_next().await {
        assert!(ended.unwrap_err().is_cancelled());
    }
    node.origin.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_with_too_many_slow_bodies_is_rejected_and_another_is_served() {
    let (node, hog, other) = node(|config| {
        config.gateway.limits = Limits { bodies: 4 * MIB, ..Limits::default() };
    })
    .await;
    let large = json!({"topic": "job.echo", "input": "x".repeat(900_000)});
    let mut slow = [all_but_the_end(&node, &hog, &large).await, all_but_the_end(&node, &hog, &large).await];
    let full = async {
        loop {
            let answer = hog.post("/api/v1/jobs", &large, &[]).await;
            if answer.status() != 202 {
                return refused(answer).await;
            }
            for stream in &mut slow {
                // The request ended while other bodies held more bytes.
                if stream.try_read(&mut [0]).is_ok() {
                    *stream = all_but_the_end(&node, &hog, &large).await;
                }
            }
        }
    };
    let limit = tokio::time::timeout(TIMEOUT, full).await.expect("the tenant reaches its share");
    assert!(limit.as_u64().unwrap() <= 2 * MIB as u64, "{limit}");
    let (status, job) = body(other.post("/api/v1/jobs", &large, &[]).await).await;
    assert_eq!(status, 202, "{job}");
    drop(slow);
    let again = async { while hog.post("/api/v1/jobs", &large, &[]).await.status() != 202 {} };
    tokio::time::timeout(TIMEOUT, again).await.expect("dropped bodies leave room");
    node.origin.stop().await;
}

/// Sends a submission without the last byte of its body.
async fn all_but_the_end(node: &TestNode, caller: &Caller, asked: &Value) -> TcpStream {
    let (path, body) = ("/api/v1/jobs", asked.to_string());
    let mut head =
        format!("POST {path} HTTP/1.1\r\nhost: {}\r\n", node.origin.gateway.as_ref().unwrap().address);
    for (name, value) in caller.head(&Method::POST, path, body.as_bytes(), &[]) {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    let mut stream = TcpStream::connect(node.origin.gateway.as_ref().unwrap().address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body.as_bytes()[..body.len() - 1]).await.unwrap();
    stream
}
