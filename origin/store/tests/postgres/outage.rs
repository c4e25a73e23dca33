//! A server that is killed, stopped or restarted.

use std::time::{Duration, Instant};

use cortex_domain::ports::{Jobs, StoreError};
use cortex_test_servers::PostgresVersion;

use crate::contract::fixtures::{accepted, request, submission};
use crate::place::{Place, run};

#[tokio::test]
async fn what_was_confirmed_is_there_after_the_server_was_killed_and_writes_resume() {
    let mut place = installed!(Place::start(PostgresVersion::V18));
    let store = place.try_open(place.options()).unwrap();
    let mut confirmed = Vec::new();
    for n in 0..20 {
        confirmed.push(accepted(&store, "acme", n).await);
    }
    place.0.kill();
    for n in 20..23 {
        let refused = store.accept(submission(request("acme", n))).await;
        assert!(matches!(refused, Err(StoreError::Broken(_))), "{refused:?}");
        let unread = store.job(confirmed[0].id()).await;
        assert!(matches!(unread, Err(StoreError::Broken(_))), "{unread:?}");
    }
    place.0.restart();
    for n in 23..26 {
        confirmed.push(accepted(&store, "acme", n).await);
    }
    assert_eq!(store.open_jobs(None, 99).await.unwrap(), confirmed);
}

#[tokio::test]
async fn writes_that_the_server_was_killed_under_failed_or_are_there_whole() {
    let mut place = installed!(Place::start(PostgresVersion::V15));
    let store = std::sync::Arc::new(place.try_open(place.options()).unwrap());
    accepted(&*store, "acme", 0).await;
    let writes: Vec<_> = (1..400)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { (n, store.accept(submission(request("acme", n))).await.is_ok()) })
        })
        .collect();
    // The server dies once the first batches are confirmed.
    while store.open_jobs(None, 9).await.is_ok_and(|jobs| jobs.len() < 2) {}
    place.0.kill();
    let outcomes = futures::future::join_all(writes).await;
    place.0.restart();
    accepted(&*store, "acme", 500).await;
    for outcome in outcomes {
        let (n, confirmed) = outcome.unwrap();
        let job = store.job(request("acme", n).id).await.unwrap();
        assert!(job.is_some() || !confirmed, "job {n} was confirmed and is lost");
        // A repeated write is either new or known.
        store.accept(submission(request("acme", n))).await.unwrap();
    }
    assert_eq!(store.open_jobs(None, 999).await.unwrap().len(), 401);
}

#[tokio::test]
async fn a_server_that_does_not_answer_fails_a_write_in_time() {
    let place = installed!(Place::start(PostgresVersion::V18));
    let store = place.try_open(place.options()).unwrap();
    accepted(&store, "acme", 1).await;
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'cortex'";
    run(&place.options().url, end).await;
    place.0.pause();
    let started = Instant::now();
    let refused = store.accept(submission(request("acme", 2))).await;
    assert!(matches!(refused, Err(StoreError::Broken(_))), "{refused:?}");
    assert!(started.elapsed() < Duration::from_secs(15));
    place.0.resume();
    // The connections that ended may not have been noticed before.
    let resumed = Instant::now();
    while store.accept(submission(request("acme", 3))).await.is_err() {
        assert!(resumed.elapsed() < Duration::from_secs(15));
    }
}

#[tokio::test]
async fn a_write_beyond_the_queue_is_refused_at_once() {
    use cortex_domain::id::JobId;
    use cortex_domain::pointer::{Memory, Pointer};
    use cortex_domain::ports::Payloads;
    use cortex_domain::time::Timestamp;

    let place = installed!(Place::start(PostgresVersion::V18));
    let store = place.try_open(place.options()).unwrap();
    let job = JobId::mint(Timestamp::from_millis(1), [1; 10]);
    let context = Pointer::context(Memory::Local, job);
    let started = Instant::now();
    let refused = store.put(context, vec![0; 65 << 20].into()).await;
    assert!(matches!(refused, Err(StoreError::Overloaded)), "{refused:?}");
    assert!(started.elapsed() < Duration::from_secs(1));
    store.put(context, "little".into()).await.unwrap();
    let elsewhere = Pointer::context(Memory::Redis, job);
    assert!(store.put(elsewhere, "x".into()).await.is_err());
    assert!(store.get(elsewhere).await.is_err());
}
