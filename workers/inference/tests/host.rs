//! The model host's router.

#![allow(clippy::unwrap_used)]

mod model;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use cortex_inference::embed::Embedder;
use cortex_inference::{Device, host};
use serde_json::{Value, json};
use tower::ServiceExt;

fn router() -> Router {
    let embedder = Embedder::load(&model::dir(), Device::Auto, 1.try_into().unwrap()).unwrap();
    host::embed("all-MiniLM-L6-v2".parse().unwrap(), embedder)
}

async fn call(router: &Router, method: Method, path: &str, kind: &str, body: String) -> (StatusCode, Value) {
    let request = Request::builder().method(method).uri(path).header("content-type", kind);
    let response = router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 10_000_000).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn one_text_or_several_are_embedded() {
    let router = router();
    let (status, health) = call(&router, Method::GET, "/health", "", String::new()).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        health,
        json!({"status": "ok", "model": "all-MiniLM-L6-v2", "dimensions": 384, "max_tokens": 256, "governed": false})
    );
    let embed = |body: Value| call(&router, Method::POST, "/embed", "application/json", body.to_string());
    let (status, several) = embed(json!({"texts": ["a cat", "a dog"]})).await;
    assert_eq!((status, &several["dimensions"]), (StatusCode::OK, &json!(384)));
    assert_eq!(several["embeddings"].as_array().unwrap().len(), 2);
    let (_, one) = embed(json!({"text": "a cat"})).await;
    assert_eq!(one["embeddings"][0].as_array().unwrap().len(), 384);
    assert_eq!(one["model"], "all-MiniLM-L6-v2");
}

#[tokio::test]
async fn a_long_text_is_rejected_with_the_limit_or_truncated_on_request() {
    let router = router();
    let embed = |body: Value| call(&router, Method::POST, "/embed", "application/json", body.to_string());
    // Including the two tokens that begin and end a text.
    let [fits, long_text] = [254, 255].map(|words| "cat ".repeat(words));
    let (status, whole) = embed(json!({"text": fits})).await;
    assert_eq!((status, whole.get("truncated")), (StatusCode::OK, None));
    let (status, refused) = embed(json!({"texts": ["a", long_text]})).await;
    assert_eq!((status.as_u16(), &refused["param"]), (400, &json!("texts")), "{refused}");
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("text 1 has more than 256 tokens") && detail.contains("`truncate`"), "{detail}");
    assert_eq!(embed(json!({"text": long_text, "truncate": false})).await.0.as_u16(), 400);

    let (status, cut) = embed(json!({"texts": ["a", long_text, fits], "truncate": true})).await;
    assert_eq!((status, &cut["truncated"]), (StatusCode::OK, &json!([1])), "{cut}");
    let numbers = |vector: &Value| -> Vec<f64> { serde_json::from_value(vector.clone()).unwrap() };
    let both = numbers(&cut["embeddings"][1]).into_iter().zip(numbers(&whole["embeddings"][0]));
    assert!(both.clone().count() == 384, "{cut}");
    assert!(
        both.into_iter().all(|(a, b)| (a - b).abs() < 1e-6),
        "what is cut off is as if it were not there"
    );
    let (_, short) = embed(json!({"text": "a", "truncate": true})).await;
    assert_eq!(short["truncated"], json!([]));
}

#[tokio::test]
async fn a_coded_body_is_refused_by_the_name_of_its_coding() {
    let router = router();
    for (coding, status, named) in [
        ("identity", 200, ""),
        ("gzip", 415, "`gzip`"),
        ("x-unknown", 415, "`x-unknown`"),
        ("identity, br", 415, "`br`"),
        ("g\u{fc}", 415, "that coding"),
    ] {
        let request = Request::post("/embed").header("content-type", "application/json");
        let request = request.header("content-encoding", coding.as_bytes());
        let request = request.body(Body::from(r#"{"text": "a"}"#)).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{coding}");
        if status == 415 {
            assert_eq!(response.headers()["accept-encoding"], "identity");
        }
        let body = to_bytes(response.into_body(), 1_000_000).await.unwrap();
        assert!(String::from_utf8_lossy(&body).contains(named), "{body:?}");
    }
}

#[tokio::test]
async fn an_invalid_request_gets_a_problem() {
    let router = router();
    let many = json!({"texts": vec!["a"; 2049]}).to_string();
    let large = json!({"text": "a ".repeat(600_000)}).to_string();
    for (method, path, kind, body, status) in [
        (Method::POST, "/embed", "application/json", "{", 400),
        (Method::POST, "/embed", "application/json", "{}", 400),
        (Method::POST, "/embed", "application/json", r#"{"texts": []}"#, 400),
        (Method::POST, "/embed", "application/json", r#"{"texts": [1]}"#, 400),
        (Method::POST, "/embed", "application/json", r#"{"text": "a", "texts": ["a"]}"#, 400),
        (Method::POST, "/embed", "application/json", r#"{"text": "a", "mode": "fast"}"#, 400),
        (Method::POST, "/embed", "application/json", r#"{"text": "a", "truncate": "yes"}"#, 400),
        (Method::POST, "/embed", "application/json", &many, 400),
        (Method::POST, "/embed", "application/json", &large, 413),
        (Method::POST, "/embed", "text/plain", r#"{"text": "a"}"#, 415),
        (Method::GET, "/embed", "application/json", "", 405),
        (Method::GET, "/", "application/json", "", 404),
    ] {
        let (found, problem) = call(&router, method, path, kind, body.into()).await;
        assert_eq!(found.as_u16(), status, "{} gave {problem}", &body[..body.len().min(60)]);
        assert!(problem["type"].as_str().unwrap().starts_with("urn:cortex:problem:"), "{problem}");
    }
}
