//! Signed requests at the edge. Each can be used once, even if the edge restarts meanwhile.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use cortex_guard::signature::{Nonce, SigningKey};
use cortex_tests::api::read;
use cortex_tests::edge::{Edge, Secrets, Setup, SignatureParams, now};
use reqwest::{Method, RequestBuilder};

fn key(id: &str, digits: &str) -> SigningKey {
    format!("{id}:{}", digits.repeat(32)).parse().unwrap()
}

/// Starts an edge that accepts signatures of two keys.
async fn edge(folder: &Path) -> Edge {
    let keys = format!("origin-1:{},origin-2:{}", "0c".repeat(32), "0d".repeat(32));
    let secrets = Secrets { origin_keys: keys, ..Secrets::made() };
    Edge::start(folder, &Setup::before("http://127.0.0.1:9", secrets)).await
}

fn list_keys(edge: &Edge, params: SignatureParams<'_>) -> RequestBuilder {
    edge.sign(params, Method::GET, "/internal/keys", "tenant=acme", None)
}

async fn status(request: &RequestBuilder) -> u16 {
    read(request.try_clone().unwrap()).await.status
}

/// Returns how many nonce objects exist. workerd has a file for each, and one about all of them.
fn objects(folder: &Path) -> usize {
    let files = std::fs::read_dir(folder.join("edge/state/v3/do/cortex-edge-Nonces")).unwrap().flatten();
    let names = files.filter_map(|file| file.file_name().into_string().ok());
    names.filter(|name| name.ends_with(".sqlite") && name != "metadata.sqlite").count()
}

#[tokio::test]
async fn a_nonce_may_repeat_under_another_key_and_not_under_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let edge = edge(folder.path()).await;
    let (at, nonce) = (now(), Nonce::new([1; 16]));
    for key in [key("origin-1", "0c"), key("origin-2", "0d")] {
        let request = list_keys(&edge, SignatureParams { key: &key, at, nonce });
        assert_eq!([status(&request).await, status(&request).await], [200, 401], "{key:?}");
        let next = list_keys(&edge, SignatureParams { key: &key, at, nonce: Nonce::new([2; 16]) });
        assert_eq!(status(&next).await, 200);
    }
    assert_eq!(objects(folder.path()), 2, "each key has an object of its own");
}

#[tokio::test]
async fn a_request_from_before_a_restart_is_refused_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let edge = edge(folder.path()).await;
    let key = key("origin-1", "0c");
    let used = list_keys(&edge, SignatureParams { key: &key, at: now(), nonce: Nonce::new([1; 16]) });
    let unused = list_keys(&edge, SignatureParams { key: &key, at: now(), nonce: Nonce::new([2; 16]) });
    assert_eq!(status(&used).await, 200);

    let setup = edge.kill();
    let _edge = Edge::start(folder.path(), &setup).await;
    assert_eq!([status(&used).await, status(&unused).await, status(&unused).await], [401, 200, 401]);
}

#[tokio::test]
async fn an_invalid_signature_creates_no_object() {
    let folder = tempfile::tempdir().unwrap();
    let edge = edge(folder.path()).await;
    let nonce = Nonce::new([1; 16]);
    for stranger in [key("origin-9", "0c"), key("origin-1", "ff")] {
        let request = list_keys(&edge, SignatureParams { key: &stranger, at: now(), nonce });
        assert_eq!(status(&request).await, 401, "{stranger:?}");
    }
    assert_eq!(objects(folder.path()), 0);
    let request = list_keys(&edge, SignatureParams { key: &key("origin-1", "0c"), at: now(), nonce });
    assert_eq!((status(&request).await, objects(folder.path())), (200, 1));
}
