//! What happens while the server is away, and afterwards.

use std::time::{Duration, Instant};

use cortex_domain::ports::{Acceptance, Feed, Jobs, Payloads, Sequence, StoreError};
use cortex_store::RedisStore;
use cortex_test_servers::RedisKind;

use crate::contract::fixtures::{accepted, submission_of};
use crate::place::Place;

on_each_server! {
    everything_confirmed_is_there_after_the_server_was_killed
    a_server_that_becomes_a_replica_takes_no_writes_until_it_is_the_primary_again
}

const SOON: Duration = Duration::from_secs(30);

/// Accepts a submission as soon as the server takes it.
async fn accepted_again(store: &RedisStore, n: u16) -> Acceptance {
    let accept = async {
        loop {
            match store.accept(submission_of("acme", n)).await {
                Ok(acceptance) => return acceptance,
                Err(StoreError::Broken(_)) => tokio::time::sleep(Duration::from_millis(20)).await,
                Err(other) => panic!("{other}"),
            }
        }
    };
    tokio::time::timeout(SOON, accept).await.unwrap()
}

async fn everything_confirmed_is_there_after_the_server_was_killed(kind: RedisKind) {
    let mut place = installed!(Place::start(kind));
    let store = place.store();
    let mut jobs = Vec::new();
    for round in 0..2 {
        for n in 0..20 {
            jobs.push(accepted(&store, "acme", round * 100 + n).await);
        }
        let at_once = (20..60).map(|n| store.accept(submission_of("acme", round * 100 + n)));
        let (outcomes, ()) = futures::future::join(futures::future::join_all(at_once), async {
            place.0.kill();
        })
        .await;
        let refused = store.accept(submission_of("acme", round * 100 + 60)).await.unwrap_err();
        assert!(matches!(refused, StoreError::Broken(_)), "{refused}");
        store.job(jobs[0].id()).await.unwrap_err();
        place.0.restart();

        assert!(matches!(accepted_again(&store, round * 100 + 60).await, Acceptance::New(_)));
        for (n, outcome) in (20..).zip(outcomes) {
            match outcome {
                Ok(Acceptance::New(job)) => jobs.push(job),
                Err(StoreError::Broken(_)) => {
                    // It was written or not, and a repetition shows which.
                    let again = accepted_again(&store, round * 100 + n).await;
                    assert!(!matches!(again, Acceptance::Mismatch));
                }
                other => panic!("{other:?}"),
            }
        }
        for job in &jobs {
            assert_eq!(store.job(job.id()).await.unwrap().as_ref(), Some(job));
            assert!(store.get(job.context()).await.unwrap().is_some());
        }
    }
    let steps = store.steps(Sequence(0), 1000).await.unwrap();
    assert_eq!(steps.len(), 2 * 61);
    assert!(steps.is_sorted_by(|a, b| a.sequence < b.sequence));
}

async fn a_server_that_becomes_a_replica_takes_no_writes_until_it_is_the_primary_again(kind: RedisKind) {
    let place = installed!(Place::start(kind));
    let store = place.store();
    let job = accepted(&store, "acme", 1).await;
    place.ask::<()>("REPLICAOF 127.0.0.1 1");
    let refused = store.accept(submission_of("acme", 2)).await.unwrap_err().to_string();
    assert!(refused.to_lowercase().contains("read"), "{refused}");
    assert_eq!(store.job(job.id()).await.unwrap(), Some(job));
    place.ask::<()>("REPLICAOF NO ONE");
    assert!(matches!(accepted_again(&store, 2).await, Acceptance::New(_)));
}

#[tokio::test]
async fn a_server_that_stops_responding_does_not_hang_a_call() {
    let place = installed!(Place::start(RedisKind::Valkey));
    let store = place.store();
    accepted(&store, "acme", 1).await;
    place.0.pause();
    let called = Instant::now();
    let (write, read) = futures::future::join(store.accept(submission_of("acme", 2)), store.counts()).await;
    assert!(matches!(write, Err(StoreError::Broken(_))), "{write:?}");
    assert!(matches!(read, Err(StoreError::Broken(_))), "{read:?}");
    assert!(called.elapsed() < Duration::from_secs(15), "{:?}", called.elapsed());
    place.0.resume();
    assert!(!matches!(accepted_again(&store, 2).await, Acceptance::Mismatch));
    assert!(matches!(accepted_again(&store, 3).await, Acceptance::New(_)));
}
