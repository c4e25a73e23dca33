//! Bad input gets a problem document with a stable type and no internal details.

use std::time::Duration;

use cortex_tests::api::{Answer, Api, read};
use cortex_tests::home::Home;
use cortex_tests::origin::{Origin, Setup};
use reqwest::Method;
use serde_json::json;

async fn raw(api: &Api, content_type: &str, body: impl Into<reqwest::Body>) -> Answer {
    read(api.request(Method::POST, "/api/v1/jobs").header("content-type", content_type).body(body)).await
}

#[tokio::test]
async fn every_bad_input_is_refused_by_name_and_nothing_is_lost() {
    let home = Home::new();
    let origin = Origin::start(&home, &Setup::echo()).await;
    let api = &origin.api;
    let kept = api.submit("job.echo", json!({"delay_ms": 500})).await.id();
    let json_type = "application/json";

    let deep = format!(r#"{{"topic":"job.echo","input":{}{}}}"#, "[".repeat(65), "]".repeat(65));
    let large = format!(r#"{{"topic":"job.echo","input":"{}"}}"#, "x".repeat(1 << 20));
    let secret = r#"{"topic":"job.echo","input":{"note":["AKIAIOSFODNN7EXAMPLE"]}}"#;
    for (content_type, body, status, problem) in [
        (json_type, "{".to_owned(), 400, "malformed-json"),
        (json_type, r#"{"topic":"job.echo","input":1,"prio":2}"#.to_owned(), 400, "invalid-request"),
        ("text/plain", "{}".to_owned(), 415, "unsupported-media-type"),
        (json_type, r#"{"topic":"job.nope","input":1}"#.to_owned(), 422, "unknown-topic"),
        (json_type, deep, 400, "too-deep"),
        (json_type, large, 413, "too-large"),
        (json_type, secret.to_owned(), 422, "secret-in-input"),
    ] {
        let answer = raw(api, content_type, body).await;
        assert_eq!((answer.status, answer.problem()), (status, problem), "{answer:?}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.body["status"], status);
        assert!(!answer.body["detail"].as_str().unwrap().is_empty());
    }
    let topics = raw(api, json_type, r#"{"topic":"job.nope","input":1}"#).await.body["known_topics"].clone();
    assert!(topics.as_array().unwrap().contains(&json!("job.echo")), "{topics}");
    let found = raw(api, json_type, secret).await;
    assert_eq!(
        (&found.body["kind"], &found.body["place"]),
        (&json!("aws-access-key"), &json!("/input/note/0"))
    );
    assert!(!found.body.to_string().contains("AKIA"));

    for key in ["", "wrong", "ctx_aaaaaaaaaaaa_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        let answer = api.with_key(key).get("/api/v1/jobs").await;
        assert_eq!((answer.status, answer.problem()), (401, "unauthenticated"));
    }
    for id in ["nonsense", "01a1fb51-9430-7707-8707-070707070707"] {
        let answer = api.get(&format!("/api/v1/jobs/{id}")).await;
        assert_eq!((answer.status, answer.problem()), (404, "not-found"));
    }
    assert_eq!(api.get("/api/v1/nothing").await.problem(), "not-found");
    assert_eq!(api.post("/health", &json!({})).await.problem(), "method-not-allowed");

    assert_eq!(api.ended(&kept, Duration::from_secs(20)).await["state"], "SUCCEEDED");
    origin.stop();
}

#[tokio::test]
async fn openais_routes_refuse_in_openais_shape() {
    let home = Home::new();
    let origin = Origin::start(&home, &Setup::embed()).await;
    for (body, status, param) in [
        (json!({"model": "gpt-9", "input": "x"}), 404, json!("model")),
        (json!({"model": "all-MiniLM-L6-v2", "input": [1, 2]}), 400, json!("input")),
        (json!({"model": "all-MiniLM-L6-v2", "input": "x", "temperature": 1}), 400, json!("temperature")),
        (
            json!({"model": "all-MiniLM-L6-v2", "input": "x", "encoding_format": "int8"}),
            400,
            json!("encoding_format"),
        ),
        (json!({"model": "all-MiniLM-L6-v2", "input": "x", "dimensions": 7}), 400, serde_json::Value::Null),
        (json!({"model": "all-MiniLM-L6-v2", "input": ["x", "cat ".repeat(300)]}), 400, json!("input")),
        (json!({"model": "all-MiniLM-L6-v2", "input": "x", "truncate": "END"}), 400, json!("truncate")),
    ] {
        let answer = origin.api.post("/v1/embeddings", &body).await;
        assert_eq!(answer.status, status, "{body}: {answer:?}");
        assert!(answer.body["error"]["message"].is_string());
        if !param.is_null() {
            assert_eq!(answer.body["error"]["param"], param, "{answer:?}");
        }
    }
    let stranger = origin.api.with_key("wrong").post("/v1/embeddings", &json!({})).await;
    assert_eq!((stranger.status, &stranger.body["error"]["type"]), (401, &json!("authentication_error")));
    origin.stop();
}

#[tokio::test]
async fn a_job_that_the_policy_denies_reaches_no_worker() {
    let home = Home::new();
    let safety = home.write("safety.yaml", "default: { allow: [\"job.>\"], deny: [\"job.echo\"] }\n");
    let origin = Origin::start(&home, &Setup { safety: Some(safety), ..Setup::echo() }).await;
    let waited = origin.api.submit_and_wait("job.echo", json!(1), 5).await;
    assert_eq!((waited.status, waited.problem()), (403, "denied"));
    let id = origin.api.submit("job.echo", json!(1)).await.id();
    let job = origin.api.ended(&id, Duration::from_secs(20)).await;
    assert_eq!(job["state"], "DENIED");
    assert_eq!(origin.api.events(&id).await, ["accepted", "denied"]);
    origin.stop();
}

#[tokio::test]
async fn personal_data_is_flagged_and_not_refused() {
    let home = Home::new();
    let origin = Origin::start(&home, &Setup::echo()).await;
    let accepted = origin.api.submit("job.echo", json!({"to": "ada@example.com"})).await;
    assert_eq!((accepted.status, &accepted.body["labels"]["cortex/personal-data"]), (202, &json!("email")));
    origin.stop();
}
