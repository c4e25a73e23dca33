//! Jobs and calls that succeed.

use std::time::Duration;

use cortex_tests::api::read;
use cortex_tests::home::Home;
use cortex_tests::origin::{Origin, Setup};
use reqwest::Method;
use serde_json::json;

const TIMEOUT: Duration = Duration::from_secs(20);

#[tokio::test]
async fn texts_are_embedded_in_openais_shape() {
    let home = Home::new();
    let origin = Origin::start(&home, &Setup::embed()).await;
    let body = json!({"model": "all-MiniLM-L6-v2", "input": ["a cat", "a kitten", "tax law"]});
    let answer = origin.api.post("/v1/embeddings", &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let vector = |n: usize| -> Vec<f64> {
        answer.body["data"][n]["embedding"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
    };
    let cosine = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let (cat, kitten, law) = (vector(0), vector(1), vector(2));
    assert_eq!(cat.len(), 384);
    assert!((cosine(&cat, &cat) - 1.0).abs() < 1e-5);
    assert!(cosine(&cat, &kitten) > cosine(&cat, &law) + 0.3);
    assert!(answer.body["usage"]["total_tokens"].as_u64().unwrap() >= 6);

    // A text that is too long is cut if the request asks for it, and the response says which.
    let long = json!({"model": "all-MiniLM-L6-v2", "input": ["a cat", "cat ".repeat(300)], "truncate": true});
    let cut = origin.api.post("/v1/embeddings", &long).await;
    assert_eq!((cut.status, &cut.body["cortex"]), (200, &json!({"truncated": [1]})), "{cut:?}");
    assert_eq!(cut.body["usage"]["prompt_tokens"], 4 + 256);

    // A job gives the same vectors.
    let id = origin.api.submit("job.embed", body).await.id();
    let job = origin.api.ended(&id, TIMEOUT).await;
    assert_eq!(job["state"], "SUCCEEDED", "{job}");
    assert_eq!(job["result"]["data"], answer.body["data"]);

    let models = origin.api.get("/v1/models").await;
    let listed = models.body["data"].as_array().unwrap();
    assert!(listed.iter().any(|model| model["id"] == "all-MiniLM-L6-v2"), "{models:?}");
    origin.stop();
}

#[tokio::test]
async fn a_job_is_accepted_run_and_listed_with_its_steps() {
    let home = Home::new();
    let origin = Origin::start(&home, &Setup::echo()).await;
    let accepted = origin.api.submit("job.echo", json!({"n": 1.50})).await;
    assert_eq!((accepted.status, &accepted.body["state"]), (202, &json!("PENDING")));
    let id = accepted.id();
    assert_eq!(accepted.header("location"), format!("/api/v1/jobs/{id}"));

    let job = origin.api.ended(&id, TIMEOUT).await;
    assert_eq!((&job["state"], &job["result"]), (&json!("SUCCEEDED"), &json!({"n": 1.50})));
    let names = origin.api.events(&id).await;
    assert_eq!(names, ["accepted", "cleared", "scheduled", "dispatched", "started", "succeeded"]);

    let listed = origin.api.get("/api/v1/jobs?state=SUCCEEDED&topic=job.echo").await;
    assert_eq!(listed.body["jobs"][0]["id"], id.as_str());
    let again = origin.api.post(&format!("/api/v1/jobs/{id}/cancel"), &json!({})).await;
    assert_eq!((again.status, again.problem()), (409, "conflict"));
    origin.stop();
}

#[tokio::test]
async fn events_stream_until_the_end_and_resume_where_they_broke_off() {
    let home = Home::new();
    let origin = Origin::start(&home, &Setup::echo()).await;
    let id = origin.api.submit("job.echo", json!({"delay_ms": 300})).await.id();
    let path = format!("/api/v1/jobs/{id}/events");
    let stream = origin.api.request(Method::GET, &path).header("accept", "text/event-stream");
    let text = stream.send().await.unwrap().text().await.unwrap();
    let ids: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("id:")).map(str::trim).collect();
    assert_eq!(ids, ["0.1", "0.2", "1.3", "1.4", "1.5", "1.6"], "{text}");

    let rest = origin.api.request(Method::GET, &path).header("accept", "text/event-stream");
    let rest = rest.header("last-event-id", "1.4").send().await.unwrap().text().await.unwrap();
    let ids: Vec<_> = rest.lines().filter_map(|line| line.strip_prefix("id:")).map(str::trim).collect();
    assert_eq!(ids, ["1.5", "1.6"]);
    for seen in ["1.6", "1.999"] {
        let none = origin.api.request(Method::GET, &path).header("accept", "text/event-stream");
        assert_eq!(none.header("last-event-id", seen).send().await.unwrap().status().as_u16(), 204);
    }
    origin.stop();
}

#[tokio::test]
async fn events_contain_the_progress_that_the_worker_reports() {
    let home = Home::new();
    let origin = Origin::start(&home, &Setup::echo()).await;
    let id = origin.api.submit("job.echo", json!({"frames": 40, "pace_ms": 50})).await.id();
    let stream = origin.api.request(Method::GET, &format!("/api/v1/jobs/{id}/events"));
    let text = stream.header("accept", "text/event-stream").send().await.unwrap().text().await.unwrap();
    let said: Vec<_> = text.split("\n\n").filter(|event| event.starts_with("event: progress\n")).collect();
    assert!(said.contains(&"event: progress\ndata: {\"frame\":38}"), "{text}");
    assert!(said.iter().all(|event| !event.contains("id:")), "{text}");
    assert!(text.trim_end().ends_with('}') && text.contains("event: succeeded"), "{text}");
    origin.stop();
}

#[tokio::test]
async fn a_caller_that_waits_gets_the_result_or_a_job_that_goes_on() {
    let home = Home::new();
    let origin = Origin::start(&home, &Setup::echo()).await;
    let quick = origin.api.submit_and_wait("job.echo", json!("hello"), 10).await;
    assert_eq!((quick.status, &quick.body["result"]), (200, &json!("hello")), "{quick:?}");

    let slow = origin.api.submit_and_wait("job.echo", json!({"delay_ms": 2500}), 1).await;
    assert_eq!((slow.status, &slow.body["state"]), (202, &json!("RUNNING")), "{slow:?}");
    let job = origin.api.ended(&slow.id(), TIMEOUT).await;
    assert_eq!((&job["state"], &job["attempt"]), (&json!("SUCCEEDED"), &json!(1)));
    origin.stop();
}

#[tokio::test]
async fn an_idempotency_key_makes_one_job() {
    let home = Home::new();
    let origin = Origin::start(&home, &Setup::echo()).await;
    let post = |input: u32| {
        let body = json!({"topic": "job.echo", "input": input});
        read(origin.api.request(Method::POST, "/api/v1/jobs").header("idempotency-key", "k1").json(&body))
    };
    let (first, second) = (post(1).await, post(1).await);
    assert_eq!(first.id(), second.id());
    let other = post(2).await;
    assert_eq!((other.status, other.problem()), (422, "idempotency-mismatch"));
    origin.stop();
}

#[tokio::test]
async fn cancelling_stops_the_worker_and_frees_its_slot() {
    let home = Home::new();
    let origin = Origin::start(&home, &Setup::echo()).await;
    let id = origin.api.submit("job.echo", json!({"delay_ms": 60_000})).await.id();
    origin.api.job_in(&id, &["RUNNING"], TIMEOUT).await;
    let cancelled = origin.api.post(&format!("/api/v1/jobs/{id}/cancel"), &json!({})).await;
    assert_eq!((cancelled.status, &cancelled.body["state"]), (200, &json!("CANCELLED")));
    cortex_tests::wait::until("the slot is free", TIMEOUT, async || {
        let workers = origin.api.get("/api/v1/workers").await;
        (workers.body["workers"][0]["in_flight"] == 0).then_some(())
    })
    .await;
    assert_eq!(origin.api.job(&id).await["state"], "CANCELLED");
    origin.stop();
}

#[tokio::test]
async fn a_deadline_ends_a_waiting_job_and_a_running_one() {
    let home = Home::new();
    let origin = Origin::start(&home, &Setup::echo()).await;
    let deadline = |seconds: u64| {
        let now = cortex_platform::clock::Clock::system().now();
        now.after(Duration::from_secs(seconds)).to_string()
    };
    // No worker runs this topic.
    for (topic, input) in [("job.embed", json!({})), ("job.echo", json!({"delay_ms": 60_000}))] {
        let body = json!({"topic": topic, "input": input, "deadline": deadline(2)});
        let id = origin.api.post("/api/v1/jobs", &body).await.id();
        let job = origin.api.ended(&id, TIMEOUT).await;
        assert_eq!(
            (&job["state"], &job["error"]["type"]),
            (&json!("TIMEOUT"), &json!("urn:cortex:problem:timeout"))
        );
    }
    origin.stop();
}
