//! Checks real responses of the gateway against the OpenAPI document that it serves.

use cortex_api::chat::{ChatCompletion, Choice, MessageView};
use cortex_api::completions::{Completion, CompletionChoice};
use cortex_api::generation::{FinishReason, TokenUsage};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::test_node::TestNode;

/// Response headers that a client may rely on.
const SAID_BY_DOCUMENT: &[&str] =
    &["cortex-job-id", "location", "preference-applied", "retry-after", "www-authenticate"];

/// Checks a response against the document: its status, content type, headers and body.
async fn hold(document: &Value, method: Method, path: &str, answer: Response) -> Value {
    let operation = &document["paths"][path][method.as_str().to_ascii_lowercase()];
    let status = answer.status().as_u16();
    let response = &operation["responses"][status.to_string()];
    assert!(response.is_object(), "{method} {path} answers {status}, which the document doesn't know");
    for header in SAID_BY_DOCUMENT {
        let documented = response["headers"].as_object().into_iter().flatten();
        let is_documented = documented.into_iter().any(|(name, _)| name.eq_ignore_ascii_case(header));
        let is_sent = answer.headers().contains_key(*header);
        assert!(!is_sent || is_documented, "{method} {path} answers {status} with an undocumented {header}");
    }
    let content_type = answer.headers()["content-type"].to_str().unwrap().to_owned();
    let schema = &response["content"][&content_type]["schema"];
    assert!(schema.is_object(), "{method} {path} answers {status} as {content_type}");
    let body: Value = answer.json().await.unwrap();
    let schema = json!({"allOf": [schema], "components": document["components"]});
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<_> = validator.iter_errors(&body).map(|error| error.to_string()).collect();
    assert_eq!(errors, Vec::<String>::new(), "{method} {path} {status}: {body:#}");
    body
}

fn chat() -> ChatCompletion {
    let choice = Choice {
        index: 0,
        message: MessageView::new(Some("hi".into()), None, vec![]),
        logprobs: None,
        finish_reason: FinishReason::Stop,
    };
    ChatCompletion::new("x".into(), 1, "tiny".into(), vec![choice], TokenUsage::new(1, 1))
}

fn text() -> Completion {
    let choice = CompletionChoice {
        index: 0,
        text: "hi".into(),
        logprobs: None,
        finish_reason: Some(FinishReason::Stop),
    };
    Completion::new("x".into(), 1, "tiny".into(), vec![choice])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn responses_match_the_openapi_document() {
    let node = TestNode::new().await;
    let served = node.request(Method::GET, "/openapi.json").send().await.unwrap();
    let document: Value = served.json().await.unwrap();
    assert_eq!(document["openapi"], "3.1.0");

    let get = async |path: &str| node.get(path).send().await.unwrap();
    let post = async |path: &str, body: Value| node.post(path, &body).send().await.unwrap();
    let jobs = "/api/v1/jobs";
    for path in ["/health", "/openapi.json", jobs, "/api/v1/workers", "/v1/models"] {
        hold(&document, Method::GET, path, get(path).await).await;
    }
    hold(&document, Method::GET, "/v1/models/{id}", get("/v1/models/tiny").await).await;
    hold(&document, Method::GET, "/v1/models/{id}", get("/v1/models/none").await).await;

    for path in ["/health", "/openapi.json"] {
        let forged = node.request(Method::GET, path).header("cortex-signature", "00").send().await.unwrap();
        assert_eq!(forged.status(), 401, "{path}");
        hold(&document, Method::GET, path, forged).await;
    }

    let chat = json!({"frames": 0, "answer": chat()}).to_string();
    let message = json!({"role": "user", "content": chat});
    let text = json!({"frames": 0, "answer": text()}).to_string();
    for (path, body) in [
        ("/v1/chat/completions", json!({"model": "tiny", "messages": [message]})),
        ("/v1/completions", json!({"model": "tiny", "prompt": text})),
        ("/chat", json!({"model": "tiny", "message": chat})),
    ] {
        let answer = post(path, body).await;
        assert_eq!(answer.status(), 200, "{path}");
        assert!(answer.headers().contains_key("cortex-job-id"), "{path}");
        hold(&document, Method::POST, path, answer).await;
    }

    let made = post(jobs, json!({"topic": "job.echo", "input": {"a": 1}, "labels": {"team": "x"}})).await;
    let job = hold(&document, Method::POST, jobs, made).await;
    let id = job["id"].as_str().unwrap();
    hold(&document, Method::GET, jobs, get(jobs).await).await;
    hold(&document, Method::GET, "/api/v1/jobs/{id}", get(&format!("{jobs}/{id}")).await).await;
    hold(&document, Method::GET, "/api/v1/jobs/{id}/events", get(&format!("{jobs}/{id}/events")).await).await;
    let cancel = "/api/v1/jobs/{id}/cancel";
    for _ in 0..2 {
        let ended = post(&format!("{jobs}/{id}/cancel"), json!({})).await;
        hold(&document, Method::POST, cancel, ended).await;
    }
    hold(&document, Method::GET, "/api/v1/jobs/{id}", get(&format!("{jobs}/{id}")).await).await;
    hold(&document, Method::GET, "/api/v1/jobs/{id}", get(&format!("{jobs}/x")).await).await;

    for (path, body) in [
        (jobs, json!({"topic": "job.none", "input": 1})),
        (jobs, json!({"topic": 1})),
        ("/v1/embeddings", json!({"model": "none", "input": "a"})),
        ("/v1/chat/completions", json!({"model": "tiny"})),
        ("/v1/completions", json!({"model": "tiny", "prompt": "a", "x": 1})),
        ("/chat", json!({"model": "none", "message": "a"})),
        ("/internal/revoked", json!({"key": "abcdefghij23"})),
    ] {
        hold(&document, Method::POST, path, post(path, body).await).await;
        let unknown = node.request(Method::POST, path).send().await.unwrap();
        hold(&document, Method::POST, path, unknown).await;
    }
    node.origin.stop().await;
}
