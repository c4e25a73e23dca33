//! What is deleted, and how much a tenant may have.

use std::time::Duration;

use cortex_domain::flow::Submission;
use cortex_domain::id::JobId;
use cortex_domain::job::{Durability, Job, Request, Version};
use cortex_domain::ports::{Acceptance, CommitError, Query, Sequence, Store, StoreError};
use cortex_domain::retention::{Bound, Retention, RetentionExceeded};
use cortex_domain::time::Timestamp;
use cortex_domain::transition::{Change, first_entry};

use super::TestStore;
use super::fixtures::{
    NOW, accepted, cancelled, draft, keyed, lease, request, result, scheduled, submission, succeeded,
};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn few() -> Retention {
    Retention { ended: DAY * 7, ended_jobs: 3, open_jobs: 3, ..Retention::default() }
}

async fn ended(store: &dyn Store, tenant: &str, n: u16) -> Job {
    let job = accepted(store, tenant, n).await;
    store.commit(cancelled(&job)).await.unwrap()
}

async fn with_result(store: &dyn Store, n: u16) -> Job {
    let job = accepted(store, "acme", n).await;
    let lease = lease(&job, 1);
    let job = store.commit(scheduled(&job, lease)).await.unwrap();
    store.put(draft(&job, lease), "answer".into()).await.unwrap();
    store.commit(succeeded(&job)).await.unwrap()
}

async fn listed(store: &dyn Store, tenant: &str) -> Vec<JobId> {
    let query = Query { tenant: tenant.parse().unwrap(), state: None, topic: None, before: None, limit: 100 };
    store.jobs(query).await.unwrap().iter().map(Job::id).collect()
}

fn exceeded(refused: Result<Acceptance, StoreError>) -> RetentionExceeded {
    match refused {
        Err(StoreError::RetentionExceeded(exceeded)) => exceeded,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn an_old_job_is_forgotten_whole_and_an_open_one_never(test_store: &impl TestStore) {
    let store = test_store.open_with(Retention { ended: DAY * 7, ..Retention::default() });
    let store = &*store;
    let open = accepted(store, "acme", 1).await;
    let over = with_result(store, 2).await;
    assert_eq!(store.forget(NOW.after(DAY * 7 - HOUR)).await.unwrap(), 0);
    assert!(store.get(result(&over)).await.unwrap().is_some());

    assert_eq!(store.forget(NOW.after(DAY * 7 + HOUR)).await.unwrap(), 1);
    assert_eq!(store.job(over.id()).await.unwrap(), None);
    assert_eq!(store.log(over.id(), Version(0)).await.unwrap(), []);
    for pointer in [over.context(), result(&over)] {
        assert_eq!(store.get(pointer).await.unwrap(), None);
    }
    assert_eq!(listed(store, "acme").await, [open.id()]);
    assert!(store.get(open.context()).await.unwrap().is_some());
    assert_eq!(store.forget(NOW.after(DAY * 700)).await.unwrap(), 0);
    assert_eq!(store.open_jobs(None, 9).await.unwrap(), [open]);
}

pub(crate) async fn of_more_ended_jobs_than_are_kept_the_oldest_of_that_tenant_go(
    test_store: &impl TestStore,
) {
    let store = test_store.open_with(Retention { ended_jobs: 30, ..Retention::default() });
    let store = &*store;
    let mut mine = Vec::new();
    for n in 0..300 {
        mine.push(ended(store, "acme", n).await.id());
        if n < 4 {
            ended(store, "other", n).await;
        }
    }
    assert_eq!(store.forget(NOW.after(HOUR)).await.unwrap(), 270);
    let kept: Vec<_> = mine.into_iter().rev().take(30).collect();
    assert_eq!(listed(store, "acme").await, kept);
    assert_eq!(listed(store, "other").await.len(), 4);
}

pub(crate) async fn recorded_calls_are_forgotten_like_jobs(test_store: &impl TestStore) {
    let store = test_store.open_with(Retention { ended_jobs: 3, ..Retention::default() });
    let store = &*store;
    for n in 0..6 {
        let job = Job::accepted(request("acme", n), Durability::Ephemeral, store.memory());
        let change = cancelled(&job);
        let log = [&[first_entry(&job)], change.entries()].concat();
        store.record(Change::history(change.into_job(), log, vec![])).await.unwrap();
    }
    // The accept is flushed after them, so by now they are flushed too.
    accepted(store, "acme", 9).await;
    assert_eq!(store.forget(NOW.after(HOUR)).await.unwrap(), 3);
    assert_eq!(listed(store, "acme").await.len(), 4);
}

pub(crate) async fn a_tenant_never_has_more_jobs_than_it_may_however_fast_they_come(
    test_store: &impl TestStore,
) {
    let store = test_store.open_with(Retention { ended_jobs: 80, open_jobs: 10, ..Retention::default() });
    let store = &*store;
    for n in 0..300 {
        let job = Job::accepted(request("acme", n), Durability::Ephemeral, store.memory());
        let change = cancelled(&job);
        store.record(Change::history(change.into_job(), vec![first_entry(&job)], vec![])).await.unwrap();
    }
    // The job is accepted although no sweep has run yet.
    let newest = accepted(store, "acme", 301).await;
    let query = Query { tenant: "acme".parse().unwrap(), state: None, topic: None, before: None, limit: 500 };
    let jobs = store.jobs(query).await.unwrap();
    assert!((30..=101).contains(&jobs.len()), "{} jobs", jobs.len());
    assert_eq!((jobs[0].id(), jobs[1].id()), (newest.id(), request("acme", 299).id), "the oldest went");
}

pub(crate) async fn a_tenant_with_its_limit_of_open_jobs_is_refused_whole_and_others_are_taken(
    test_store: &impl TestStore,
) {
    let store = test_store.open_with(few());
    let store = &*store;
    let first = accepted(store, "acme", 1).await;
    accepted(store, "acme", 2).await;
    accepted(store, "acme", 3).await;
    let refused = exceeded(store.accept(submission(keyed(request("acme", 4), "k", 1))).await);
    assert_eq!((refused.bound, refused.most), (Bound::OpenJobs, 3));
    assert_eq!(store.job(request("acme", 4).id).await.unwrap(), None);
    assert_eq!(store.outbox(Sequence(0), 9).await.unwrap().len(), 3);
    accepted(store, "other", 1).await;
    // An earlier job is still known, and once one has ended there is room.
    let again = store.accept(submission(request("acme", 1))).await.unwrap();
    assert_eq!(again, Acceptance::Known(first.clone()));
    store.commit(cancelled(&first)).await.unwrap();
    let taken = store.accept(submission(keyed(request("acme", 4), "k", 1))).await.unwrap();
    assert!(matches!(taken, Acceptance::New(_)));
}

pub(crate) async fn a_tenant_with_its_limit_of_bytes_learns_when_there_is_room_again(
    test_store: &impl TestStore,
) {
    let store = test_store.open_with(Retention { bytes: 100_000, ended: DAY * 7, ..Retention::default() });
    let store = &*store;
    let large = |tenant, n| Submission { input: vec![b'x'; 40_000], ..submission(request(tenant, n)) };
    for n in 1..=2 {
        let Acceptance::New(job) = store.accept(large("acme", n)).await.unwrap() else { panic!() };
        store.commit(cancelled(&job)).await.unwrap();
    }
    let refused = exceeded(store.accept(large("acme", 3)).await);
    assert_eq!((refused.bound, refused.most), (Bound::Bytes, 100_000));
    let again = refused.again.unwrap();
    assert!(again <= DAY * 7 && again > DAY * 6, "{again:?}");
    assert!(matches!(store.accept(large("other", 1)).await, Ok(Acceptance::New(_))));

    // Results count too, and deleted jobs no longer count.
    assert_eq!(store.forget(NOW.after(again + HOUR)).await.unwrap(), 2);
    let Acceptance::New(job) = store.accept(large("acme", 3)).await.unwrap() else { panic!() };
    let lease = lease(&job, 1);
    let job = store.commit(scheduled(&job, lease)).await.unwrap();
    store.put(draft(&job, lease), vec![b'y'; 50_000].into()).await.unwrap();
    store.commit(succeeded(&job)).await.unwrap();
    assert_eq!(exceeded(store.accept(large("acme", 4)).await).bound, Bound::Bytes);
}

pub(crate) async fn an_idempotency_key_and_its_job_are_kept_for_a_day(test_store: &impl TestStore) {
    let store = test_store.open_with(Retention { ended_jobs: 0, keys: DAY, ..Retention::default() });
    let store = &*store;
    let at = |n: u16, at: Timestamp| Request { created_at: at, ..keyed(request("acme", n), "k", 7) };
    let Acceptance::New(first) = store.accept(submission(at(1, NOW))).await.unwrap() else { panic!() };
    let first = store.commit(cancelled(&first)).await.unwrap();
    assert_eq!(store.forget(NOW.after(DAY - HOUR)).await.unwrap(), 0);
    let known = store.accept(submission(at(2, NOW.after(DAY - HOUR)))).await.unwrap();
    assert_eq!(known, Acceptance::Known(first.clone()));

    // A day later the key is free, even if nothing was deleted meanwhile.
    let other = Request { ..at(3, NOW.after(DAY + HOUR)) };
    let Acceptance::New(second) = store.accept(submission(other)).await.unwrap() else { panic!() };
    assert_eq!(store.forget(NOW.after(DAY + HOUR)).await.unwrap(), 1);
    assert_eq!(store.job(first.id()).await.unwrap(), None);
    let known = store.accept(submission(at(4, NOW.after(DAY + HOUR * 2)))).await.unwrap();
    assert_eq!(known, Acceptance::Known(second));
}

pub(crate) async fn a_tenant_may_have_a_limited_number_of_keys(test_store: &impl TestStore) {
    let store = test_store.open_with(Retention { tenant_keys: 2, keys: DAY, ..Retention::default() });
    let store = &*store;
    let key = |tenant, n: u16| keyed(request(tenant, n), &format!("k{n}"), 7);
    for n in 1..=2 {
        store.accept(submission(key("acme", n))).await.unwrap();
    }
    let refused = exceeded(store.accept(submission(key("acme", 3))).await);
    assert_eq!((refused.bound, refused.most), (Bound::Keys, 2));
    assert!(refused.again.unwrap() <= DAY);
    accepted(store, "acme", 4).await;
    store.accept(submission(key("other", 1))).await.unwrap();
    store.forget(NOW.after(DAY + HOUR)).await.unwrap();
    let later = Request { created_at: NOW.after(DAY + HOUR), ..key("acme", 3) };
    assert!(matches!(store.accept(submission(later)).await, Ok(Acceptance::New(_))));
}

pub(crate) async fn a_call_beyond_its_tenants_limit_is_not_persisted_and_leaves_nothing(
    test_store: &impl TestStore,
) {
    let store = test_store.open_with(few());
    let store = &*store;
    for n in 1..=3 {
        accepted(store, "acme", n).await;
    }
    let job = Job::accepted(request("acme", 9), Durability::Durable, store.memory());
    store.put(job.context(), "{}".into()).await.unwrap();
    let log = vec![first_entry(&job)];
    let refused = store.commit(Change::history(job.clone(), log, vec![])).await;
    assert!(
        matches!(
            refused,
            Err(CommitError::Store(StoreError::RetentionExceeded(RetentionExceeded {
                bound: Bound::OpenJobs,
                ..
            })))
        ),
        "{refused:?}"
    );
    assert_eq!(store.job(job.id()).await.unwrap(), None);
    assert_eq!(store.get(job.context()).await.unwrap(), None);
    assert_eq!(store.steps(Sequence(0), 9).await.unwrap().len(), 3);
}

pub(crate) async fn a_payload_without_its_job_is_forgotten(test_store: &impl TestStore) {
    let store = test_store.open();
    let store = &*store;
    let never = Job::accepted(request("acme", 1), Durability::Durable, store.memory());
    store.put(never.context(), "{}".into()).await.unwrap();
    let came = Job::accepted(request("acme", 2), Durability::Durable, store.memory());
    store.put(came.context(), "{}".into()).await.unwrap();
    store.commit(Change::history(came.clone(), vec![first_entry(&came)], vec![])).await.unwrap();
    store.forget(NOW.after(Duration::from_secs(60))).await.unwrap();
    assert!(store.get(never.context()).await.unwrap().is_some(), "its job may still come");
    store.forget(NOW.after(HOUR * 2)).await.unwrap();
    assert_eq!(store.get(never.context()).await.unwrap(), None);
    assert!(store.get(came.context()).await.unwrap().is_some());
}

pub(crate) async fn steps_that_every_reader_has_read_are_forgotten(test_store: &impl TestStore) {
    let store = test_store.open();
    let store = &*store;
    for n in 1..=200 {
        accepted(store, "acme", n).await;
    }
    let steps = store.steps(Sequence(0), 300).await.unwrap();
    store.set_cursor("edge", steps[99].sequence).await.unwrap();
    store.forget(NOW.after(Duration::from_secs(60))).await.unwrap();
    assert_eq!(store.steps(Sequence(0), 300).await.unwrap().len(), 200, "others in this process read them");
    store.forget(NOW.after(HOUR)).await.unwrap();
    assert_eq!(store.steps(Sequence(0), 300).await.unwrap(), steps[100..]);
    assert_eq!(store.cursor("edge").await.unwrap(), steps[99].sequence);

    // A reader that never comes back does not keep steps forever. The newest step stays, and no
    // number is used twice.
    store.forget(NOW.after(DAY * 30)).await.unwrap();
    assert_eq!(store.steps(Sequence(0), 300).await.unwrap(), steps[199..]);
    assert_eq!(store.newest_step().await.unwrap(), steps[199].sequence);
}
