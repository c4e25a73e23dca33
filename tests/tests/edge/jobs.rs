//! Jobs and calls through the edge.

use std::time::Duration;

use cortex_tests::api::read;
use cortex_tests::stack::Stack;
use reqwest::Method;
use serde_json::json;

const TIMEOUT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn texts_are_embedded_synchronously_and_as_a_job() {
    let stack = Stack::embed().await;
    let body = json!({"model": "all-MiniLM-L6-v2", "input": ["a cat", "a kitten"]});
    let answer = stack.api.post("/v1/embeddings", &body).await;
    assert_eq!(answer.status, 200, "{answer:?}\n{}", stack.edge.log());
    assert_eq!(answer.body["data"][1]["embedding"].as_array().unwrap().len(), 384);

    let accepted = stack.api.submit("job.embed", body).await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
    let job = stack.api.ended(&accepted.id(), TIMEOUT).await;
    assert_eq!(job["result"]["data"], answer.body["data"]);

    // The event logs of both contain their hops, in order.
    let sync = answer.header("cortex-job-id").to_owned();
    stack.api.ended(&sync, TIMEOUT).await;
    for (id, hops) in
        [(sync, vec!["edge.received"]), (accepted.id(), vec!["edge.received", "edge.ledger", "edge.drained"])]
    {
        let events = stack.api.get(&format!("/api/v1/jobs/{id}/events")).await;
        let recorded = events.body["events"][0]["detail"]["hops"].as_object().unwrap();
        assert!(hops.iter().all(|hop| recorded.contains_key(*hop)), "{recorded:?}");
        assert_eq!(events.body["events"].as_array().unwrap().last().unwrap()["name"], "succeeded");
    }
}

#[tokio::test]
async fn a_waiting_caller_gets_the_result_or_the_denial() {
    let stack = Stack::echo().await;
    let answer = stack.api.submit_and_wait("job.echo", json!({"a": 1}), 10).await;
    assert_eq!((answer.status, &answer.body["result"]), (200, &json!({"a": 1})), "{answer:?}");

    let safety = stack.home.write("safety.yaml", "default: { allow: [\"job.>\"], deny: [\"job.echo\"] }\n");
    let Stack { setup, origin, home, api, edge: _edge } = stack;
    origin.stop();
    let setup = cortex_tests::origin::Setup { safety: Some(safety), ..setup };
    let origin = cortex_tests::origin::Origin::start(&home, &setup).await;
    let denied = api.submit_and_wait("job.echo", json!(1), 10).await;
    assert_eq!((denied.status, denied.problem()), (403, "denied"), "{denied:?}");
    let id = api.submit("job.echo", json!(1)).await.id();
    assert_eq!(api.ended(&id, TIMEOUT).await["state"], "DENIED");
    origin.stop();
}

#[tokio::test]
async fn a_body_too_large_for_the_queue_is_offloaded_and_one_above_the_limit_is_refused() {
    let stack = Stack::echo().await;
    for size in [127_900, 128_001, 900_000] {
        let text = "x".repeat(size);
        let accepted = stack.api.submit("job.echo", json!(text)).await;
        assert_eq!(accepted.status, 202, "{size}: {accepted:?}");
        let job = stack.api.ended(&accepted.id(), TIMEOUT).await;
        assert_eq!((&job["state"], job["result"].as_str().unwrap().len()), (&json!("SUCCEEDED"), size));
    }
    let refused = stack.api.submit("job.echo", json!("x".repeat(1 << 20))).await;
    assert_eq!((refused.status, refused.problem()), (413, "too-large"));
}

#[tokio::test]
async fn personal_data_is_flagged_by_the_edge_and_the_flag_stays_with_the_job() {
    let stack = Stack::echo().await;
    let label = |job: &serde_json::Value| job["labels"]["cortex/personal-data"].clone();
    let accepted = stack.api.submit("job.echo", json!(["a@example.org", "DE89370400440532013000"])).await;
    assert_eq!((accepted.status, label(&accepted.body)), (202, json!("email,iban")));
    assert_eq!(label(&stack.api.ended(&accepted.id(), TIMEOUT).await), json!("email,iban"));
    let waited = stack.api.submit_and_wait("job.echo", json!("a@example.org"), 10).await;
    assert_eq!((waited.status, label(&waited.body)), (200, json!("email")), "{waited:?}");
    let plain = stack.api.submit_and_wait("job.echo", json!("plain text"), 10).await;
    assert_eq!((plain.status, plain.body["labels"].clone()), (200, json!({})), "{plain:?}");
}

#[tokio::test]
async fn an_idempotency_key_makes_one_job_at_the_edge() {
    let stack = Stack::echo().await;
    let post = |input: u32| {
        let body = json!({"topic": "job.echo", "input": input});
        read(stack.api.request(Method::POST, "/api/v1/jobs").header("idempotency-key", "k1").json(&body))
    };
    let first = post(1).await;
    stack.api.ended(&first.id(), TIMEOUT).await;
    assert_eq!(post(1).await.id(), first.id());
    let other = post(2).await;
    assert_eq!((other.status, other.problem()), (422, "idempotency-mismatch"));
}

#[tokio::test]
async fn a_job_is_cancelled_and_its_events_stream_through_the_edge() {
    let stack = Stack::echo().await;
    let id = stack.api.submit("job.echo", json!({"delay_ms": 60_000})).await.id();
    stack.api.job_in(&id, &["RUNNING"], TIMEOUT).await;
    let path = format!("/api/v1/jobs/{id}/events");
    let stream = stack.api.request(Method::GET, &path).header("accept", "text/event-stream").send();
    let (stream, cancelled) = tokio::join!(async { stream.await.unwrap().text().await.unwrap() }, async {
        stack.api.post(&format!("/api/v1/jobs/{id}/cancel"), &json!({})).await
    });
    assert_eq!((cancelled.status, &cancelled.body["state"]), (200, &json!("CANCELLED")));
    assert!(stream.contains("event: cancelled") || stream.contains("event:cancelled"), "{stream}");
}
