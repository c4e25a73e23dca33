//! What ends when an API key is revoked.

use serde_json::{Value, json};

use super::caller::Caller;
use super::test_node::{TIMEOUT, TestNode};
use super::{Reader, body};

const KEY: &str = "abcdefghijka";
const OTHER: &str = "abcdefghijkb";
const CHAT: &str = "/v1/chat/completions";
const REVOKED: &str = "/internal/revoked";

fn chat(script: &Value, streams: bool) -> Value {
    let message = json!({"role": "user", "content": script.to_string()});
    json!({"model": "tiny", "messages": [message], "stream": streams})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_ends_the_streams_of_the_key_and_no_others() {
    let mut node = TestNode::new().await;
    let (own, other) = (Caller::of(&node, "dev", KEY).await, Caller::of(&node, "dev", OTHER).await);
    let endless = json!({"frames": 1, "stay": true});
    let mut ends = Reader::new(own.post(CHAT, &chat(&endless, true), &[]).await);
    let mut goes_on = Reader::new(other.post(CHAT, &chat(&endless, true), &[]).await);
    ends.next().await.unwrap();
    goes_on.next().await.unwrap();

    let (status, closed) = body(other.post(REVOKED, &json!({"key": KEY}), &[]).await).await;
    assert_eq!((status, &closed), (200, &json!({"closed": 1})));
    let ended = tokio::time::timeout(TIMEOUT, ends.next()).await.expect("the stream ends").unwrap();
    assert_eq!(ended.data["error"]["code"], "unauthenticated");
    assert!(ends.next().await.is_none());
    tokio::time::timeout(TIMEOUT, node.cancels.recv()).await.expect("its worker is freed").unwrap();
    assert!(node.cancels.try_recv().is_err(), "the other stream goes on");

    for streams in [true, false] {
        let late = own.post(CHAT, &chat(&endless, streams), &[]).await;
        assert_eq!(late.status(), 401, "the key was revoked before");
    }
    assert_eq!(own.post(REVOKED, &json!({"key": OTHER}), &[]).await.status(), 200);
    let ended = tokio::time::timeout(TIMEOUT, goes_on.next()).await.expect("the stream ends").unwrap();
    assert_eq!(ended.data["error"]["code"], "unauthenticated");
    node.origin.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_edge_can_revoke() {
    let node = TestNode::new().await;
    let (status, _) = body(node.post(REVOKED, &json!({"key": KEY})).send().await.unwrap()).await;
    assert_eq!(status, 404);
    let caller = Caller::of(&node, "dev", KEY).await;
    for wrong in [json!({}), json!({"key": "short"}), json!({"key": KEY, "tenant": "b"})] {
        let (status, _) = body(caller.post(REVOKED, &wrong, &[]).await).await;
        assert_eq!(status, 400, "{wrong}");
    }
    node.origin.stop().await;
}
