//! What ends when an API key is revoked.

use cortex_fabric::clock::Clock;
use cortex_fabric::entropy;
use cortex_guard::headers;
use cortex_guard::signature::{Nonce, Request, sign};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use super::stand::{SOON, Stand};
use super::{Reader, body};

const KEY: &str = "abcdefghijka";
const OTHER: &str = "abcdefghijkb";

/// A request as the edge signs it for the tenant `dev` and a key.
async fn send(stand: &Stand, key: &str, path: &str, sent: &Value) -> Response {
    let once = |more: Vec<(String, String)>| signed(stand, key, path, sent, more).send();
    let answer = once(vec![]).await.unwrap();
    // A gateway may ask for a signature that is meant for it alone.
    match answer.headers().get("cortex-instance").cloned() {
        Some(instance) if answer.status() == 401 => {
            let instance = instance.to_str().unwrap().to_owned();
            once(vec![("cortex-instance".to_owned(), instance)]).await.unwrap()
        }
        _ => answer,
    }
}

fn signed(stand: &Stand, key: &str, path: &str, sent: &Value, more: Vec<(String, String)>) -> RequestBuilder {
    let sent = sent.to_string();
    let content_type = "application/json";
    let request = Request { method: "POST", path, query: "", content_type, body: sent.as_bytes() };
    let mut all = vec![
        (headers::TENANT.to_owned(), "dev".to_owned()),
        (headers::PRINCIPAL.to_owned(), "ci".to_owned()),
        (headers::ROLES.to_owned(), String::new()),
        (headers::CALLER_KEY.to_owned(), key.to_owned()),
        ("accept".to_owned(), "*/*".to_owned()),
    ];
    all.extend(more);
    let nonce = Nonce::new(entropy::random());
    let stamp = sign(&request, all.clone(), stand.edge_keys.current(), Clock::system().now(), nonce).unwrap();
    all.extend(stamp.map(|(name, value)| (name.to_owned(), value)));
    let request = stand.request(Method::POST, path).header("content-type", content_type);
    all.into_iter().fold(request, |request, (name, value)| request.header(name, value)).body(sent)
}

fn chat(script: &Value, streams: bool) -> Value {
    let message = json!({"role": "user", "content": script.to_string()});
    json!({"model": "tiny", "messages": [message], "stream": streams})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_open_under_a_key_ends_when_it_is_revoked_and_nothing_else_does() {
    let mut stand = Stand::new().await;
    let endless = json!({"frames": 1, "stay": true});
    let path = "/v1/chat/completions";
    let mut own = Reader::new(send(&stand, KEY, path, &chat(&endless, true)).await);
    let mut other = Reader::new(send(&stand, OTHER, path, &chat(&endless, true)).await);
    own.next().await.unwrap();
    other.next().await.unwrap();

    let revoked = json!({"key": KEY});
    let (status, closed) = body(send(&stand, OTHER, "/internal/revoked", &revoked).await).await;
    assert_eq!((status, &closed), (200, &json!({"closed": 1})));
    let told = tokio::time::timeout(SOON, own.next()).await.expect("the stream ends").unwrap();
    assert_eq!(told.data["error"]["code"], "unauthenticated");
    assert!(own.next().await.is_none());
    tokio::time::timeout(SOON, stand.cancels.recv()).await.expect("its worker is freed").unwrap();
    assert!(stand.cancels.try_recv().is_err(), "the other stream goes on");

    for streams in [true, false] {
        let late = send(&stand, KEY, path, &chat(&endless, streams)).await;
        assert_eq!(late.status(), 401, "it was on its way when its key was revoked");
    }
    let revoked = json!({"key": OTHER});
    assert_eq!(send(&stand, KEY, "/internal/revoked", &revoked).await.status(), 200);
    let ended = tokio::time::timeout(SOON, other.next()).await.expect("the stream ends").unwrap();
    assert_eq!(ended.data["error"]["code"], "unauthenticated");
    stand.origin.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_but_the_edge_revokes() {
    let stand = Stand::new().await;
    let (status, _) = body(stand.post("/internal/revoked", &json!({"key": KEY})).send().await.unwrap()).await;
    assert_eq!(status, 404);
    for wrong in [json!({}), json!({"key": "short"}), json!({"key": KEY, "tenant": "b"})] {
        let (status, _) = body(send(&stand, KEY, "/internal/revoked", &wrong).await).await;
        assert_eq!(status, 400, "{wrong}");
    }
    stand.origin.stop().await;
}
