//! The audit log.

use std::time::Duration;

use cortex_domain::audit::AuditEvent;
use cortex_domain::job::{Durability, Job};
use cortex_domain::policy::Decision;
use cortex_domain::ports::{CommitError, Sequence, Store};
use cortex_domain::retention::Retention;
use cortex_domain::state::Denial;
use cortex_domain::transition::{Change, Effect, first_entry};

use super::TestStore;
use super::fixtures::{NOW, accepted, cancelled, lease, request, scheduled};

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

pub(crate) async fn an_entry_is_committed_with_its_change_or_not_at_all(test_store: &impl TestStore) {
    let store = test_store.open();
    let job = accepted(&*store, "acme", 1).await;
    store.commit(with(scheduled(&job, lease(&job, 1)), &job)).await.unwrap();
    assert_eq!(audited(&*store, 0).await, [(1, entry(&job))]);
    let stale = store.commit(with(cancelled(&job), &job)).await;
    assert!(matches!(stale, Err(CommitError::Conflict)));
    assert_eq!(audited(&*store, 0).await.len(), 1);
}

pub(crate) async fn entries_are_numbered_without_gaps_across_restarts(test_store: &impl TestStore) {
    for round in 0..3 {
        let store = test_store.open();
        let jobs: Vec<Job> = {
            let mut jobs = Vec::new();
            for n in 0..8 {
                jobs.push(accepted(&*store, "acme", round * 8 + n).await);
            }
            jobs
        };
        // The changes run concurrently, so that several share a flush. Every second one is
        // rejected.
        let changes = jobs.iter().enumerate().map(|(n, job)| {
            let expected = if n % 2 == 0 { job.clone() } else { cancelled(job).into_job() };
            store.commit(with(cancelled_of(&expected, job), job))
        });
        let outcomes = futures::future::join_all(changes).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 4);
    }
    let store = test_store.open();
    let numbers: Vec<u64> = audited(&*store, 0).await.into_iter().map(|(number, _)| number).collect();
    assert_eq!(numbers, (1..=12).collect::<Vec<_>>());
    assert_eq!(audited(&*store, 7).await[0].0, 8);
    assert_eq!(store.audit(Sequence(2), 3).await.unwrap().len(), 3);
    assert_eq!(audited(&*store, 12).await, []);
}

/// Returns a cancellation of the current job, or a stale change.
fn cancelled_of(expected: &Job, job: &Job) -> Change {
    if expected == job { cancelled(job) } else { Change::of(expected.clone()) }
}

pub(crate) async fn the_entries_of_a_call_are_there_once_it_is_recorded(test_store: &impl TestStore) {
    let store = test_store.open();
    let job = Job::accepted(request("acme", 1), Durability::Ephemeral, store.memory());
    let change = cancelled(&job);
    let log = [&[first_entry(&job)], change.entries()].concat();
    let history = Change::history(change.into_job(), log, vec![Effect::Audit(Box::new(entry(&job)))]);
    store.record(history).await.unwrap();
    // The accept is flushed after it, so by now it is flushed too.
    accepted(&*store, "acme", 2).await;
    assert_eq!(audited(&*store, 0).await, [(1, entry(&job))]);
}

pub(crate) async fn an_appended_entry_is_flushed_before_a_later_accept(test_store: &impl TestStore) {
    let store = test_store.open();
    let job = Job::accepted(request("acme", 1), Durability::Ephemeral, store.memory());
    store.append(vec![entry(&job), entry(&job)], None).await.unwrap();
    accepted(&*store, "acme", 2).await;
    assert_eq!(audited(&*store, 0).await, [(1, entry(&job)), (2, entry(&job))]);
}

pub(crate) async fn a_call_with_the_id_of_another_job_is_not_recorded_but_its_entries_are(
    test_store: &impl TestStore,
) {
    let store = test_store.open();
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

pub(crate) async fn old_entries_are_forgotten_and_their_numbers_never_return(test_store: &impl TestStore) {
    let retention = Retention { audit: Duration::from_secs(60), ..Retention::default() };
    let store = test_store.open_with(retention);
    for n in 0..3 {
        let job = accepted(&*store, "acme", n).await;
        store.commit(with(cancelled(&job), &job)).await.unwrap();
    }
    store.forget(NOW.after(Duration::from_secs(59))).await.unwrap();
    assert_eq!(audited(&*store, 0).await.len(), 3);
    store.forget(NOW.after(Duration::from_secs(61))).await.unwrap();
    drop(store);
    let store = test_store.open_with(retention);
    let job = accepted(&*store, "acme", 9).await;
    store.commit(with(cancelled(&job), &job)).await.unwrap();
    let numbers: Vec<u64> = audited(&*store, 0).await.into_iter().map(|(number, _)| number).collect();
    assert_eq!(numbers.last(), Some(&4));
    assert!(!numbers.contains(&1) && !numbers.contains(&2));
}

/// Adds an entry about a job of a tenant, and waits until it is flushed.
async fn appended(store: &dyn Store, tenant: &str, n: u16) {
    let job = Job::accepted(request(tenant, n), Durability::Ephemeral, store.memory());
    store.append(vec![entry(&job)], None).await.unwrap();
    accepted(store, &format!("flush-{tenant}"), n).await;
}

/// Returns the jobs of a tenant's entries, in the order of the log.
async fn of_tenant(store: &dyn Store, tenant: &str) -> Vec<String> {
    let entries = store.audit(Sequence(0), 1000).await.unwrap().into_iter().map(|audited| audited.entry);
    entries.filter(|entry| entry.tenant.as_str() == tenant).map(|entry| entry.subject).collect()
}

pub(crate) async fn a_tenant_with_more_entries_than_are_kept_loses_its_own_oldest_and_no_others(
    test_store: &impl TestStore,
) {
    let retention = Retention { audit_entries: 3, ..Retention::default() };
    let store = test_store.open_with(retention);
    appended(&*store, "other", 1).await;
    for n in 0..200 {
        appended(&*store, "acme", n).await;
    }
    appended(&*store, "other", 2).await;
    // The appends run concurrently, so that entries of several tenants share a flush.
    futures::future::join_all((201..204).map(|n| {
        let store = &store;
        async move {
            let of =
                |tenant| entry(&Job::accepted(request(tenant, n), Durability::Ephemeral, store.memory()));
            store.append(vec![of("acme"), of("third"), of("acme")], None).await.unwrap();
        }
    }))
    .await;
    appended(&*store, "acme", 300).await;
    store.forget(NOW).await.unwrap();
    let subject = |tenant, n| request(tenant, n).id.to_string();
    assert_eq!(of_tenant(&*store, "other").await, [subject("other", 1), subject("other", 2)]);
    assert_eq!(of_tenant(&*store, "third").await.len(), 3);
    let kept = of_tenant(&*store, "acme").await;
    // Entries that share a flush are deleted together.
    assert!((3..=9).contains(&kept.len()), "{} entries", kept.len());
    assert_eq!(kept.last(), Some(&subject("acme", 300)));
    drop(store);
    let store = test_store.open_with(retention);
    assert_eq!(of_tenant(&*store, "acme").await, kept);
    for n in 301..304 {
        appended(&*store, "acme", n).await;
    }
    store.forget(NOW).await.unwrap();
    assert_eq!(of_tenant(&*store, "acme").await, [301, 302, 303].map(|n| subject("acme", n)));
    let numbers: Vec<u64> = audited(&*store, 0).await.into_iter().map(|(number, _)| number).collect();
    assert_eq!(numbers.last(), Some(&(1 + 200 + 1 + 9 + 1 + 3)));
    assert!(numbers.is_sorted());
}

pub(crate) async fn a_tenant_with_more_bytes_of_entries_than_are_kept_loses_its_oldest(
    test_store: &impl TestStore,
) {
    let store = test_store.open_with(Retention { audit_bytes: 4096, ..Retention::default() });
    for n in 0..100 {
        appended(&*store, "acme", n).await;
    }
    store.forget(NOW).await.unwrap();
    let kept = of_tenant(&*store, "acme").await;
    assert!((10..50).contains(&kept.len()), "{} entries", kept.len());
    assert_eq!(kept.last(), Some(&request("acme", 99).id.to_string()));
}

pub(crate) async fn a_reader_gets_as_many_entries_as_it_asks_for(test_store: &impl TestStore) {
    let store = test_store.open();
    let entry = entry(&Job::accepted(request("acme", 1), Durability::Ephemeral, store.memory()));
    store.append(vec![entry; 1500], None).await.unwrap();
    // The flush of a job is also that of the entries.
    accepted(&*store, "acme", 1).await;
    assert_eq!(store.audit(Sequence(0), 9999).await.unwrap().len(), 1500);
    let some = store.audit(Sequence(10), 1400).await.unwrap();
    assert_eq!((some.len(), some[0].sequence, some[1399].sequence), (1400, Sequence(11), Sequence(1410)));
}
