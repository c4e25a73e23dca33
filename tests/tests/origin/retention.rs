//! How long the origin keeps an ended job.

use std::time::Duration;

use cortex_tests::api::read;
use cortex_tests::home::Home;
use cortex_tests::origin::{Origin, Setup};
use cortex_tests::wait;
use reqwest::Method;
use serde_json::json;

const LIMITS: &str = "\
sharing: { calls: 100, queue: 100 }
retention: { ended: 1s, ended_jobs: 100, open_jobs: 100, bytes: 64MiB, keys: 1s, tenant_keys: 100 }
";
/// The origin looks for expired data every ten seconds.
const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test]
async fn an_expired_job_is_missing_with_all_of_its_data() {
    let home = Home::new();
    let setup = Setup { limits: Some(home.write("limits.yaml", LIMITS)), ..Setup::echo() };
    let origin = Origin::start(&home, &setup).await;
    let api = &origin.api;
    let submit = async |input: u32| {
        let request = api.request(Method::POST, "/api/v1/jobs").header("idempotency-key", "once");
        read(request.json(&json!({"topic": "job.echo", "input": input}))).await
    };
    let id = submit(1).await.id();
    assert_eq!(api.ended(&id, LIMIT).await["state"], "SUCCEEDED");

    let path = format!("/api/v1/jobs/{id}");
    let missing = wait::until("the job has expired", LIMIT, async || {
        let answer = api.get(&path).await;
        (answer.status != 200).then_some(answer)
    })
    .await;
    assert_eq!((missing.status, missing.problem()), (404, "not-found"), "{missing:?}");
    assert_eq!(missing.header("content-type"), "application/problem+json");
    assert_eq!(missing.body["detail"], "job not found");
    assert_eq!(api.get(&format!("{path}/events")).await.problem(), "not-found");
    let cancelled = api.post(&format!("{path}/cancel"), &json!({})).await;
    assert_eq!((cancelled.status, cancelled.problem()), (404, "not-found"));
    assert_eq!(api.get("/api/v1/jobs").await.body["jobs"], json!([]));

    // The key was kept as long as the job, so it belongs to another request now.
    let again = submit(2).await;
    assert_eq!(again.status, 202, "{again:?}");
    assert_ne!(again.id(), id);
    origin.stop();
}
