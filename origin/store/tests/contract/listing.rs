//! Finding jobs.

use cortex_domain::flow::Submission;
use cortex_domain::id::JobId;
use cortex_domain::job::{Durability, Job, Request, Version};
use cortex_domain::ports::{JobCount, Query, Sequence};
use cortex_domain::state::StateName;
use cortex_domain::transition::{Change, first_entry};

use super::TestStore;
use super::fixtures::{accepted, cancelled, lease, request, scheduled, submission};

fn query(limit: usize) -> Query {
    Query { tenant: "acme".parse().unwrap(), state: None, topic: None, before: None, limit }
}

fn ids(jobs: Vec<Job>) -> Vec<JobId> {
    jobs.iter().map(Job::id).collect()
}

pub(crate) async fn a_tenant_sees_its_own_jobs_page_by_page(test_store: &impl TestStore) {
    let store = test_store.open();
    let mut mine = Vec::new();
    for n in 0..7 {
        mine.push(accepted(&*store, "acme", n).await);
        accepted(&*store, "other", n).await;
    }
    mine.reverse();
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let page = store.jobs(Query { before, ..query(3) }).await.unwrap();
        assert!(page.len() <= 3);
        let Some(last) = page.last() else { break };
        before = Some(last.id());
        seen.extend(page);
    }
    assert_eq!(seen, mine);
    let stranger = Query { tenant: "stranger".parse().unwrap(), ..query(3) };
    assert_eq!(store.jobs(stranger).await.unwrap(), []);
}

pub(crate) async fn jobs_are_found_by_state_and_topic(test_store: &impl TestStore) {
    let store = test_store.open();
    let waits = accepted(&*store, "acme", 1).await;
    let embeds: Submission =
        submission(Request { topic: "job.embed".parse().unwrap(), ..request("acme", 2) });
    store.accept(embeds.clone()).await.unwrap();
    let job = accepted(&*store, "acme", 3).await;
    let ended = store.commit(cancelled(&job)).await.unwrap();

    let cancelled = Query { state: Some(StateName::Cancelled), ..query(9) };
    assert_eq!(ids(store.jobs(cancelled).await.unwrap()), [ended.id()]);
    let pending = Query { state: Some(StateName::Pending), ..query(9) };
    assert_eq!(ids(store.jobs(pending.clone()).await.unwrap()), [embeds.request.id, waits.id()]);
    let echo = Query { topic: Some("job.echo".parse().unwrap()), ..query(9) };
    assert_eq!(ids(store.jobs(echo.clone()).await.unwrap()), [ended.id(), waits.id()]);
    let both = Query { state: Some(StateName::Pending), ..echo };
    assert_eq!(ids(store.jobs(both).await.unwrap()), [waits.id()]);
    let earlier = Query { before: Some(embeds.request.id), ..pending };
    assert_eq!(ids(store.jobs(earlier).await.unwrap()), [waits.id()]);
}

pub(crate) async fn jobs_are_counted_by_tenant_and_state(test_store: &impl TestStore) {
    let store = test_store.open();
    assert_eq!(store.counts().await.unwrap(), []);
    let ends = accepted(&*store, "acme", 1).await;
    accepted(&*store, "acme", 2).await;
    accepted(&*store, "acme", 3).await;
    accepted(&*store, "other", 4).await;
    store.commit(cancelled(&ends)).await.unwrap();
    let mut counts = store.counts().await.unwrap();
    counts.sort_by_key(|count| (count.tenant.clone(), count.state.code()));
    let count = |tenant: &str, state, jobs| JobCount { tenant: tenant.parse().unwrap(), state, jobs };
    assert_eq!(
        counts,
        [
            count("acme", StateName::Pending, 2),
            count("acme", StateName::Cancelled, 1),
            count("other", StateName::Pending, 1),
        ]
    );
}

pub(crate) async fn open_jobs_are_the_durable_ones_that_have_not_ended(test_store: &impl TestStore) {
    let store = test_store.open();
    let waits = accepted(&*store, "acme", 1).await;
    let ends = accepted(&*store, "acme", 2).await;
    let runs = accepted(&*store, "other", 3).await;
    store.commit(cancelled(&ends)).await.unwrap();
    let runs = store.commit(scheduled(&runs, lease(&runs, 1))).await.unwrap();
    assert_eq!(store.open_jobs(None, 9).await.unwrap(), [waits.clone(), runs.clone()]);
    assert_eq!(ids(store.open_jobs(None, 1).await.unwrap()), [waits.id()]);
    assert_eq!(store.open_jobs(Some(waits.id()), 9).await.unwrap(), [runs]);
}

pub(crate) async fn an_ephemeral_job_is_recorded_and_leaves_no_steps(test_store: &impl TestStore) {
    let store = test_store.open();
    let job = Job::accepted(request("acme", 1), Durability::Ephemeral, store.memory());
    let change = cancelled(&job);
    let log = [&[first_entry(&job)], change.entries()].concat();
    let ended = change.into_job();
    store.record(Change::history(ended.clone(), log.clone(), vec![])).await.unwrap();
    assert_eq!(store.job(ended.id()).await.unwrap(), Some(ended.clone()), "it is found at once");
    // The accept is flushed after it, so by now it is flushed too.
    let durable = accepted(&*store, "acme", 2).await;
    assert_eq!(store.log(ended.id(), Version(0)).await.unwrap(), log);
    assert_eq!(store.jobs(query(9)).await.unwrap(), [durable.clone(), ended]);
    assert_eq!(ids(store.open_jobs(None, 9).await.unwrap()), [durable.id()]);
    let steps = store.steps(Sequence(0), 9).await.unwrap();
    assert_eq!(steps.iter().map(|step| step.job).collect::<Vec<_>>(), [durable.id()]);
    assert_eq!(store.outbox(Sequence(0), 9).await.unwrap().len(), 1);
}

pub(crate) async fn an_ephemeral_job_that_is_persisted_is_durable_from_then_on(test_store: &impl TestStore) {
    let store = test_store.open();
    let job = Job::accepted(request("acme", 1), Durability::Durable, store.memory());
    store.put(job.context(), "{}".into()).await.unwrap();
    let change = scheduled(&job, lease(&job, 1));
    let log = [&[first_entry(&job)], change.entries()].concat();
    let kept = change.into_job();
    store.commit(Change::history(kept.clone(), log.clone(), vec![])).await.unwrap();
    assert_eq!(store.log(kept.id(), Version(0)).await.unwrap(), log);
    let steps = store.steps(Sequence(0), 9).await.unwrap();
    assert_eq!(steps.iter().map(|step| step.version).collect::<Vec<_>>(), [Version(1), Version(2)]);
    drop(store);
    let store = test_store.open();
    assert_eq!(ids(store.open_jobs(None, 9).await.unwrap()), [kept.id()]);
    assert!(store.get(kept.context()).await.unwrap().is_some());
    assert!(store.commit(Change::history(kept.clone(), log, vec![])).await.is_err());
    let ended = store.commit(cancelled(&kept)).await.unwrap();
    assert_eq!(store.job(kept.id()).await.unwrap(), Some(ended));
}
