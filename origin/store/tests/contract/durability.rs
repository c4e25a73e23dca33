//! The order of writes, and what survives a restart.

use std::time::Duration;

use cortex_domain::job::Version;
use cortex_domain::ports::Sequence;

use super::TestStore;
use super::fixtures::{accepted, cancelled, draft, lease, result, scheduled, succeeded};

pub(crate) async fn steps_come_in_order_and_a_cursor_keeps_its_place(test_store: &impl TestStore) {
    let store = test_store.open();
    assert_eq!(store.newest_step().await.unwrap(), Sequence(0));
    let first = accepted(&*store, "acme", 1).await;
    let second = accepted(&*store, "other", 2).await;
    let first = store.commit(scheduled(&first, lease(&first, 1))).await.unwrap();
    store.commit(cancelled(&second)).await.unwrap();
    let steps = store.steps(Sequence(0), 9).await.unwrap();
    let listed: Vec<_> = steps.iter().map(|s| (s.job, s.version.0, s.state.as_str())).collect();
    let (one, two) = (first.id(), second.id());
    assert_eq!(
        listed,
        [(one, 1, "PENDING"), (two, 1, "PENDING"), (one, 2, "SCHEDULED"), (two, 2, "CANCELLED")]
    );
    assert_eq!(store.newest_step().await.unwrap(), steps[3].sequence);
    assert!(steps.is_sorted_by(|a, b| a.sequence < b.sequence));
    assert_eq!((steps[2].attempt.0, &steps[2].tenant), (1, first.tenant()));

    assert_eq!(store.cursor("edge").await.unwrap(), Sequence(0));
    store.set_cursor("edge", steps[1].sequence).await.unwrap();
    drop(store);
    let store = test_store.open();
    let cursor = store.cursor("edge").await.unwrap();
    assert_eq!(store.steps(cursor, 9).await.unwrap(), steps[2..]);
    assert_eq!(store.steps(cursor, 1).await.unwrap(), steps[2..3]);
    assert_eq!(store.cursor("relay").await.unwrap(), Sequence(0));
}

pub(crate) async fn messages_wait_until_they_are_relayed_and_no_number_returns(test_store: &impl TestStore) {
    let store = test_store.open();
    accepted(&*store, "acme", 1).await;
    accepted(&*store, "acme", 2).await;
    let waiting = store.outbox(Sequence(0), 9).await.unwrap();
    assert_eq!(store.outbox(waiting[0].sequence, 9).await.unwrap(), waiting[1..]);
    store.relayed(vec![waiting[0].sequence]).await.unwrap();
    assert_eq!(store.outbox(Sequence(0), 9).await.unwrap(), waiting[1..]);
    store.relayed(vec![waiting[0].sequence, waiting[1].sequence]).await.unwrap();
    assert_eq!(store.outbox(Sequence(0), 9).await.unwrap(), []);
    drop(store);
    let store = test_store.open();
    accepted(&*store, "acme", 3).await;
    assert!(store.outbox(Sequence(0), 9).await.unwrap()[0].sequence > waiting[1].sequence);
}

pub(crate) async fn everything_survives_reopening(test_store: &impl TestStore) {
    let store = test_store.open();
    let job = accepted(&*store, "acme", 1).await;
    let lease = lease(&job, 1);
    let job = store.commit(scheduled(&job, lease)).await.unwrap();
    store.put(draft(&job, lease), "answer".into()).await.unwrap();
    let ended = store.commit(succeeded(&job)).await.unwrap();
    let log = store.log(ended.id(), Version(0)).await.unwrap();
    let outbox = store.outbox(Sequence(0), 9).await.unwrap();
    drop(store);
    let store = test_store.open();
    assert_eq!(store.job(ended.id()).await.unwrap().as_ref(), Some(&ended));
    assert_eq!(store.log(ended.id(), Version(0)).await.unwrap(), log);
    assert_eq!(store.outbox(Sequence(0), 9).await.unwrap(), outbox);
    assert_eq!(store.get(result(&ended)).await.unwrap().as_deref(), Some(&b"answer"[..]));
}

pub(crate) async fn a_change_wakes_those_that_wait_for_one(test_store: &impl TestStore) {
    let store = test_store.open();
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { store.changed(0).await }
    });
    accepted(&*store, "acme", 1).await;
    let soon = Duration::from_secs(10);
    let count = tokio::time::timeout(soon, waiting).await.unwrap().unwrap();
    let next = store.changed(count);
    accepted(&*store, "acme", 2).await;
    assert!(tokio::time::timeout(soon, next).await.unwrap() > count);
}
