//! The limits of one caller, and that it can't block others.

use futures::StreamExt;
use futures::stream;
use serde_json::json;

use super::test_node::{TIMEOUT, TestNode};
use super::{body, events, numbers};

/// More than the open streams of a tenant.
const MANY: usize = 300;
const MAX_CONCURRENT: usize = 16;

/// Submits a durable job for the worker. Returns its path once it runs.
async fn running(node: &TestNode, script: &serde_json::Value) -> String {
    let message = json!({"role": "user", "content": script.to_string()});
    let input = json!({"model": "tiny", "messages": [message]});
    let asked = json!({"topic": "job.chat.simple", "input": input});
    let (status, job) = body(node.post("/api/v1/jobs", &asked).send().await.unwrap()).await;
    assert_eq!(status, 202, "{job}");
    let path = format!("/api/v1/jobs/{}", job["id"].as_str().unwrap());
    let runs = async {
        while body(node.get(&path).send().await.unwrap()).await.1["state"] != "RUNNING" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(TIMEOUT, runs).await.expect("the job is run");
    path
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ended_streams_that_can_be_resumed_take_no_slots() {
    let node = TestNode::new().await;
    let short = |_| async {
        let answer = node.ask(&json!({"frames": 1})).header("prefer", "resume=60").send().await.unwrap();
        assert_eq!(answer.status(), 200);
        events(answer).await
    };
    let mut streams = stream::iter(0..MANY).map(short).buffer_unordered(MAX_CONCURRENT);
    while let Some(events) = streams.next().await {
        assert_eq!(numbers(&events), [1]);
    }
    drop(streams);
    node.origin.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn event_streams_of_a_job_are_limited_and_unread_ones_block_no_others() {
    let node = TestNode::new().await;
    let flood = json!({"frames": 4096, "filler": 4000, "stay": true, "wait_ms": 500});
    let path = format!("{}/events", running(&node, &flood).await);
    let listen = || node.get(&path).header("accept", "text/event-stream").send();
    let mut unread = Vec::new();
    loop {
        let answer = listen().await.unwrap();
        if answer.status() != 200 {
            let (status, refused) = body(answer).await;
            assert_eq!((status, &refused["limit"]), (429, &json!(16)), "{refused}");
            break;
        }
        unread.push(answer);
    }
    assert_eq!(unread.len(), 16);
    let other = node.ask(&json!({"frames": 3})).send();
    let other = tokio::time::timeout(TIMEOUT, async { events(other.await.unwrap()).await });
    assert_eq!(numbers(&other.await.expect("unread streams block no others")), [1, 2, 3]);
    unread.pop();
    let again = async {
        while listen().await.unwrap().status() != 200 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(TIMEOUT, again).await.expect("a freed slot can be used again");
    node.origin.stop().await;
}
