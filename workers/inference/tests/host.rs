//! The model host over its router.

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
async fn what_is_wrong_is_a_problem() {
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
