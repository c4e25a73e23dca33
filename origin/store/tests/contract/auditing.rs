//! The audit log.

use std::time::Duration;

use cortex_domain::audit::AuditEvent;
use cortex_domain::job::{Durability, Job};
use cortex_domain::policy::Decision;
use cortex_domain::ports::{CommitError, Sequence, Store};
use cortex_domain::retention::Retention;
use cortex_domain::state::Denial;
use cortex_domain::transition::{Change, Effect, first_entry};

use super::Place;
use super::given::{NOW, accepted, cancelled, lease, request, scheduled};

fn entry(job: &Job) -> AuditEvent {
    let denial = Denial { rule: "r".into(), reason: "no".into() };
    AuditEvent::of_decision(job, &Decision::deny(denial), NOW)
}

fn with(change: Change, job: &Job) -> Change {
    change.with(Effect::Audit(Box::new(entry(job))))
}

async fn audited(store: &dyn Store, after: u64) -> Vec<(u64, AuditEvent)> {
    let entries = store.audit(Sequence(after), 100).await.unwrap();
    entries.into_iter().map(|audited| (audited.sequence.0, audited.entry)).collect()
}

pub(crate) async fn an_entry_is_committed_with_its_change_or_not_at_all(place: &impl Place) {
    let store = place.open();
    let job = accepted(&*store, "acme", 1).await;
    store.commit(with(scheduled(&job, lease(&job, 1)), &job)).await.unwrap();
    assert_eq!(audited(&*store, 0).await, [(1, entry(&job))]);
    let stale = store.commit(with(cancelled(&job), &job)).await;
    assert!(matches!(stale, Err(CommitError::Conflict)));
    assert_eq!(audited(&*store, 0).await.len(), 1);
}

pub(crate) async fn entries_are_numbered_without_gaps_across_restarts(place: &impl Place) {
    for round in 0..3 {
        let store = place.open();
        let jobs: Vec<Job> = {
            let mut jobs = Vec::new();
            for n in 0..8 {
                jobs.push(accepted(&*store, "acme", round * 8 + n).await);
            }
            jobs
        };
        // At once, so that several are flushed together; every second one is refused.
        let changes = jobs.iter().enumerate().map(|(n, job)| {
            let expected = if n % 2 == 0 { job.clone() } else { cancelled(job).into_job() };
            store.commit(with(cancelled_of(&expected, job), job))
        });
        let outcomes = futures::future::join_all(changes).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 4);
    }
    let store = place.open();
    let numbers: Vec<u64> = audited(&*store, 0).await.into_iter().map(|(number, _)| number).collect();
    assert_eq!(numbers, (1..=12).collect::<Vec<_>>());
    assert_eq!(audited(&*store, 7).await[0].0, 8);
    assert_eq!(store.audit(Sequence(2), 3).await.unwrap().len(), 3);
    assert_eq!(audited(&*store, 12).await, []);
}

/// A cancellation of a job as it is, or one that is stale.
fn cancelled_of(expected: &Job, job: &Job) -> Change {
    if expected == job { cancelled(job) } else { Change::of(expected.clone()) }
}

pub(crate) async fn the_entries_of_a_call_are_there_once_it_is_recorded(place: &impl Place) {
    let store = place.open();
    let job = Job::accepted(request("acme", 1), Durability::Ephemeral, store.memory());
    let change = cancelled(&job);
    let log = [&[first_entry(&job)], change.entries()].concat();
    let history = Change::history(change.into_job(), log, vec![Effect::Audit(Box::new(entry(&job)))]);
    store.record(history).await.unwrap();
    // What is accepted behind it is flushed, and so it is by then.
    accepted(&*store, "acme", 2).await;
    assert_eq!(audited(&*store, 0).await, [(1, entry(&job))]);
}

pub(crate) async fn an_entry_that_goes_with_no_change_is_there_before_what_is_accepted_behind_it(
    place: &impl Place,
) {
    let store = place.open();
    let job = Job::accepted(request("acme", 1), Durability::Ephemeral, store.memory());
    store.append(vec![entry(&job), entry(&job)]).await.unwrap();
    accepted(&*store, "acme", 2).await;
    assert_eq!(audited(&*store, 0).await, [(1, entry(&job)), (2, entry(&job))]);
}

pub(crate) async fn a_call_whose_id_another_job_has_is_not_noted_and_its_entries_are(place: &impl Place) {
    let store = place.open();
    let known = accepted(&*store, "acme", 1).await;
    let job = Job::accepted(request("acme", 1), Durability::Ephemeral, store.memory());
    let change = cancelled(&job);
    let log = [&[first_entry(&job)], change.entries()].concat();
    let history = Change::history(change.into_job(), log, vec![Effect::Audit(Box::new(entry(&job)))]);
    store.record(history.clone()).await.unwrap();
    accepted(&*store, "acme", 2).await;
    assert_eq!(store.job(known.id()).await.unwrap(), Some(known));
    assert_eq!(audited(&*store, 0).await, [(1, entry(&job))]);
    let kept = store.commit(history).await;
    assert!(matches!(kept, Err(CommitError::Conflict)), "{kept:?}");
}

pub(crate) async fn old_entries_are_forgotten_and_their_numbers_never_return(place: &impl Place) {
    let retention = Retention { audit: Duration::from_secs(60), ..Retention::default() };
    let store = place.open_with(retention);
    for n in 0..3 {
        let job = accepted(&*store, "acme", n).await;
        store.commit(with(cancelled(&job), &job)).await.unwrap();
    }
    store.forget(NOW.after(Duration::from_secs(59))).await.unwrap();
    assert_eq!(audited(&*store, 0).await.len(), 3);
    store.forget(NOW.after(Duration::from_secs(61))).await.unwrap();
    drop(store);
    let store = place.open_with(retention);
    let job = accepted(&*store, "acme", 9).await;
    store.commit(with(cancelled(&job), &job)).await.unwrap();
    let numbers: Vec<u64> = audited(&*store, 0).await.into_iter().map(|(number, _)| number).collect();
    assert_eq!(numbers.last(), Some(&4));
    assert!(!numbers.contains(&1) && !numbers.contains(&2));
}
