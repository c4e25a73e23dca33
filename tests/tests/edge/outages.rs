//! Processes that are down for a while.

use std::time::Duration;

use cortex_tests::api::Api;
use cortex_tests::edge::Edge;
use cortex_tests::origin::Origin;
use cortex_tests::stack::Stack;
use serde_json::json;

const TIMEOUT: Duration = Duration::from_secs(90);

#[tokio::test]
async fn while_the_origin_is_down_jobs_wait_and_calls_are_refused_and_all_complete_later() {
    let Stack { home, setup, origin, edge: _edge, api } = Stack::echo().await;
    origin.stop();
    let mut ids = Vec::new();
    for n in 0..12 {
        let accepted = api.submit("job.echo", json!(n)).await;
        assert_eq!(accepted.status, 202, "{accepted:?}");
        ids.push(accepted.id());
    }
    let call = api.post("/v1/embeddings", &json!({"model": "all-MiniLM-L6-v2", "input": "x"})).await;
    assert_eq!((call.status, call.problem()), (503, "origin-away"), "{call:?}");
    assert!(call.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert_eq!(api.job(&ids[0]).await["state"], "PENDING");

    let cancelled = api.post(&format!("/api/v1/jobs/{}/cancel", ids[11]), &json!({})).await;
    assert_eq!((cancelled.status, &cancelled.body["state"]), (200, &json!("CANCELLED")), "{cancelled:?}");

    // Newest first, as the ledger knows them.
    let newest_first: Vec<_> = ids.iter().rev().cloned().collect();
    assert_eq!(listed(&api, "").await, (newest_first.clone(), true));
    assert_eq!(listed(&api, "state=CANCELLED&topic=job.echo").await, (vec![ids[11].clone()], true));

    let origin = Origin::start(&home, &setup).await;
    for (n, id) in ids.iter().enumerate().take(11) {
        let job = api.ended(id, TIMEOUT).await;
        assert_eq!((&job["state"], &job["result"]), (&json!("SUCCEEDED"), &json!(n)));
    }
    assert_eq!(api.job(&ids[11]).await["state"], "CANCELLED");
    // The job that never reached the origin is listed among the others.
    assert_eq!(listed(&api, "").await, (newest_first, false));
    assert_eq!(listed(&api, "topic=job.embed").await, (vec![], false));
    assert_eq!(api.get("/api/v1/jobs?limit=0").await.problem(), "invalid-request");

    // An origin that stops first reports the ended jobs to the ledger.
    origin.stop();
    for id in &ids[..11] {
        assert_eq!(api.job(id).await["state"], "SUCCEEDED");
    }
    assert_eq!(listed(&api, "state=SUCCEEDED").await.0.len(), 11);
}

/// Returns the ids of all jobs, read in pages of five, and whether the pages came from the ledger
/// alone.
async fn listed(api: &Api, filter: &str) -> (Vec<String>, bool) {
    let (mut ids, mut partial, mut cursor) = (Vec::new(), false, String::new());
    loop {
        let page = api.get(&format!("/api/v1/jobs?limit=5&{filter}{cursor}")).await;
        assert_eq!(page.status, 200, "{page:?}");
        let jobs = page.body["jobs"].as_array().unwrap();
        ids.extend(jobs.iter().map(|job| job["id"].as_str().unwrap().to_owned()));
        partial |= page.body["partial"] == true;
        let Some(next) = page.body["next"].as_str() else { return (ids, partial) };
        cursor = format!("&cursor={next}");
    }
}

#[tokio::test]
async fn an_edge_killed_between_its_202_and_the_delivery_delivers_after_a_restart() {
    let Stack { home, setup, origin, edge, api } = Stack::echo().await;
    // The edge can't drain its jobs while the origin is unreachable, so the killed edge holds them.
    origin.stop();
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(api.submit("job.echo", json!(n)).await.id());
    }
    let edge_setup = edge.kill();
    let _origin = Origin::start(&home, &setup).await;
    let _edge = Edge::start(home.path(), &edge_setup).await;
    for id in &ids {
        assert_eq!(api.ended(id, TIMEOUT).await["state"], "SUCCEEDED");
    }
}
