//! Killed and stopped processes.

use std::time::Duration;

use cortex_tests::home::Home;
use cortex_tests::origin::{Origin, Setup};
use cortex_tests::{process, wait};
use serde_json::json;

const TIMEOUT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_killed_worker_costs_its_jobs_an_attempt_and_nothing_else() {
    let home = Home::new();
    let setup = Setup::echo().with_short_leases(&home);
    let origin = Origin::start(&home, &setup).await;
    let id = origin.api.submit("job.echo", json!({"delay_ms": 1500, "n": 7})).await.id();
    origin.api.job_in(&id, &["RUNNING"], TIMEOUT).await;
    let (_, pid) = origin.workers().await[0];
    process::kill(pid);

    let job = origin.api.ended(&id, TIMEOUT).await;
    assert_eq!((&job["state"], &job["attempt"]), (&json!("SUCCEEDED"), &json!(2)), "{job}");
    assert_eq!(job["result"]["n"], 7);
    let events = origin.api.events(&id).await;
    assert_eq!(events.iter().filter(|name| *name == "failed").count(), 1, "{events:?}");
    let again = origin.workers().await;
    assert!(again.len() == 1 && again[0].1 != pid, "the origin restarts the worker: {again:?}");
    origin.stop();
}

#[tokio::test]
async fn a_killed_origin_loses_nothing_that_it_accepted() {
    let home = Home::new();
    let setup = Setup::echo().with_short_leases(&home);
    let origin = Origin::start(&home, &setup).await;
    let running = origin.api.submit("job.echo", json!({"delay_ms": 1000})).await.id();
    origin.api.job_in(&running, &["RUNNING"], TIMEOUT).await;
    let mut ids = vec![running];
    for n in 0..20 {
        ids.push(origin.api.submit("job.echo", json!(n)).await.id());
    }
    let workers = origin.workers().await;
    origin.kill();
    wait::until("the workers of a killed origin end", TIMEOUT, async || {
        workers.iter().all(|(_, pid)| !process::alive(*pid)).then_some(())
    })
    .await;

    let origin = Origin::start(&home, &setup).await;
    for id in &ids {
        let job = origin.api.ended(id, TIMEOUT).await;
        assert_eq!(job["state"], "SUCCEEDED", "{job}");
    }
    origin.stop();
}

#[tokio::test]
async fn a_stop_returns_running_jobs_and_leaves_no_process() {
    let home = Home::new();
    let setup = Setup::echo().with_short_leases(&home);
    let origin = Origin::start(&home, &setup).await;
    let id = origin.api.submit("job.echo", json!({"delay_ms": 20_000})).await.id();
    origin.api.job_in(&id, &["RUNNING"], TIMEOUT).await;
    let workers = origin.workers().await;
    origin.stop();
    assert!(workers.iter().all(|(_, pid)| !process::alive(*pid)));

    let origin = Origin::start(&home, &setup).await;
    let job = origin.api.job(&id).await;
    assert!(
        ["PENDING", "SCHEDULED", "DISPATCHED", "RUNNING"].contains(&job["state"].as_str().unwrap()),
        "{job}"
    );
    origin.stop();
}
