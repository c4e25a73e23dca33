//! Readers in other processes miss nothing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use cortex_domain::ports::{Feed, Jobs, Outbox, Sequence};
use cortex_test_servers::RedisKind;

use crate::contract::fixtures::{accepted, cancelled};
use crate::place::Place;

on_each_server! {
    a_follower_sees_every_step_of_many_writers_once
    a_commit_wakes_another_process
}

const WRITERS: u16 = 8;
const JOBS: u16 = 40;
const SOON: Duration = Duration::from_secs(20);

async fn a_follower_sees_every_step_of_many_writers_once(kind: RedisKind) {
    let place = installed!(Place::start(kind));
    let follower = place.store();
    let store = Arc::new(place.store());
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for n in 0..JOBS {
                    let job = accepted(&*store, &format!("t{writer}"), n).await;
                    store.commit(cancelled(&job)).await.unwrap();
                }
            })
        })
        .collect();
    let expected = usize::from(WRITERS * JOBS) * 2;
    let mut after = Sequence(0);
    let mut seen = BTreeSet::new();
    let mut messages = BTreeSet::new();
    let follow = async {
        while seen.len() < expected {
            for step in follower.steps(after, 7).await.unwrap() {
                assert!(step.sequence > after);
                after = step.sequence;
                assert!(seen.insert((step.job, step.version)), "a step came twice");
            }
        }
        let mut after = Sequence(0);
        while messages.len() < expected / 2 {
            for message in follower.outbox(after, 7).await.unwrap() {
                after = message.sequence;
                assert!(messages.insert(message.sequence));
            }
        }
    };
    tokio::time::timeout(SOON, follow).await.unwrap();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(follower.steps(after, 7).await.unwrap(), []);
    // Numbers go on after a restart.
    let store = place.store();
    accepted(&store, "again", 1).await;
    assert_eq!(store.newest_step().await.unwrap(), Sequence(after.0 + 1));
}

async fn a_commit_wakes_another_process(kind: RedisKind) {
    let place = installed!(Place::start(kind));
    let waits = place.store();
    let store = place.store();
    let woken = waits.changed(0);
    let commits = async {
        // The subscription may not be there yet, so this goes on until it is.
        for n in 0.. {
            accepted(&store, "acme", n).await;
        }
    };
    tokio::time::timeout(SOON, futures::future::select(Box::pin(woken), Box::pin(commits))).await.unwrap();
}
