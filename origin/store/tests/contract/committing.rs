//! Committing changes.

use cortex_domain::event::Event;
use cortex_domain::job::{Job, Version};
use cortex_domain::ports::{CommitError, Sequence, Store};
use cortex_domain::state::{Failure, FailureKind};
use cortex_domain::transition::{Change, OutboxMessage, apply, first_entry};

use super::TestStore;
use super::fixtures::{NOW, accepted, cancelled, draft, lease, request, scheduled, succeeded};

pub(crate) async fn a_stale_change_is_refused_whole(test_store: &impl TestStore) {
    let store = test_store.open();
    let job = accepted(&*store, "acme", 1).await;
    let moved = store.commit(scheduled(&job, lease(&job, 1))).await.unwrap();
    let before = snapshot(&*store, &moved).await;
    assert!(matches!(store.commit(cancelled(&job)).await, Err(CommitError::Conflict)));
    assert_eq!(snapshot(&*store, &moved).await, before);
}

pub(crate) async fn of_changes_that_race_one_wins(test_store: &impl TestStore) {
    let store = test_store.open();
    let job = accepted(&*store, "acme", 1).await;
    let race = (0..20).map(|n| {
        let (store, change) = (store.clone(), scheduled(&job, lease(&job, n)));
        tokio::spawn(async move { store.commit(change).await })
    });
    let mut winners = Vec::new();
    for task in race.collect::<Vec<_>>() {
        match task.await.unwrap() {
            Ok(job) => winners.push(job),
            Err(CommitError::Conflict) => {}
            Err(other) => panic!("{other}"),
        }
    }
    let [winner] = &winners[..] else { panic!("{winners:?}") };
    assert_eq!(store.job(job.id()).await.unwrap().as_ref(), Some(winner));
    assert_eq!(store.log(job.id(), Version(0)).await.unwrap().len(), 2);
}

pub(crate) async fn a_missing_job_cannot_be_changed(test_store: &impl TestStore) {
    use cortex_domain::job::Durability;
    let store = test_store.open();
    let job = Job::accepted(request("acme", 1), Durability::Durable, store.memory());
    assert!(matches!(store.commit(cancelled(&job)).await, Err(CommitError::Conflict)));
    assert_eq!(store.log(job.id(), Version(0)).await.unwrap(), []);
    assert_eq!(store.steps(Sequence(0), 10).await.unwrap(), []);
}

pub(crate) async fn the_log_folds_into_the_record(test_store: &impl TestStore) {
    let store = test_store.open();
    let job = accepted(&*store, "acme", 1).await;
    let first = lease(&job, 1);
    let job = store.commit(scheduled(&job, first)).await.unwrap();
    let failure = Failure::new(FailureKind::Silent, "it stopped sending heartbeats");
    let retried = Change::of(job)
        .then(Event::Failed { lease: first, failure }, NOW)
        .and_then(|change| change.then(Event::Released, NOW))
        .unwrap();
    let job = store.commit(retried).await.unwrap();
    let second = lease(&job, 2);
    let job = store.commit(scheduled(&job, second)).await.unwrap();
    store.put(draft(&job, second), "1".into()).await.unwrap();
    let ended = store.commit(succeeded(&job)).await.unwrap();

    let log = store.log(ended.id(), Version(0)).await.unwrap();
    let accepted = Job::accepted(ended.request.clone(), ended.durability, ended.memory);
    assert_eq!(log[0], first_entry(&accepted));
    let folded = log[1..].iter().fold(accepted, |job, entry| {
        let (job, _) = apply(job, &entry.event, entry.at).unwrap();
        assert_eq!((job.version, job.attempt, job.state.name()), (entry.version, entry.attempt, entry.state));
        job
    });
    assert_eq!(store.job(ended.id()).await.unwrap(), Some(folded));
    assert_eq!(store.log(ended.id(), Version(5)).await.unwrap(), log[5..]);

    let messages: Vec<_> =
        store.outbox(Sequence(0), 10).await.unwrap().into_iter().map(|o| o.message).collect();
    let id = ended.id();
    let submit = OutboxMessage::submit(&job);
    let abort = OutboxMessage::Abort { job: id, lease: first, worker: "w1".parse().unwrap() };
    assert_eq!(messages, [submit.clone(), abort, submit]);
}

/// Returns everything that a store has about a job.
async fn snapshot(store: &dyn Store, job: &Job) -> impl PartialEq + std::fmt::Debug {
    (
        store.job(job.id()).await.unwrap(),
        store.log(job.id(), Version(0)).await.unwrap(),
        store.steps(Sequence(0), 100).await.unwrap(),
        store.outbox(Sequence(0), 100).await.unwrap(),
    )
}
