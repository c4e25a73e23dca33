//! Payloads and their fencing by leases.

use bytes::Bytes;
use cortex_domain::event::Event;
use cortex_domain::job::{Durability, Job};
use cortex_domain::ports::CommitError;
use cortex_domain::state::{Failure, FailureKind};
use cortex_domain::transition::Change;

use super::TestStore;
use super::fixtures::{NOW, accepted, draft, lease, request, result, scheduled, succeeded};

pub(crate) async fn the_winners_draft_becomes_the_result_and_the_others_are_swept(
    test_store: &impl TestStore,
) {
    let store = test_store.open();
    let job = accepted(&*store, "acme", 1).await;
    let loser = lease(&job, 1);
    let job = store.commit(scheduled(&job, loser)).await.unwrap();
    store.put(draft(&job, loser), "lost".into()).await.unwrap();
    let failure = Failure::new(FailureKind::Silent, "it stopped sending heartbeats");
    let retried = Change::of(job)
        .then(Event::Failed { lease: loser, failure }, NOW)
        .and_then(|change| change.then(Event::Released, NOW))
        .unwrap();
    let job = store.commit(retried).await.unwrap();
    let winner = lease(&job, 2);
    let job = store.commit(scheduled(&job, winner)).await.unwrap();
    store.put(draft(&job, winner), "won".into()).await.unwrap();
    let job = store.commit(succeeded(&job)).await.unwrap();
    assert_eq!(store.get(result(&job)).await.unwrap(), Some(Bytes::from("won")));

    // The worker that lost its lease writes once more.
    store.put(draft(&job, loser), "lost again".into()).await.unwrap();
    store.put(draft(&job, winner), "too late".into()).await.unwrap();
    assert_eq!(store.sweep_drafts().await.unwrap(), 2);
    assert_eq!(store.get(draft(&job, loser)).await.unwrap(), None);
    assert_eq!(store.get(result(&job)).await.unwrap(), Some(Bytes::from("won")));
    assert!(store.get(job.context()).await.unwrap().is_some());
    assert_eq!(store.sweep_drafts().await.unwrap(), 0);
}

pub(crate) async fn a_change_without_its_draft_is_refused_whole(test_store: &impl TestStore) {
    let store = test_store.open();
    let job = accepted(&*store, "acme", 1).await;
    let job = store.commit(scheduled(&job, lease(&job, 1))).await.unwrap();
    assert!(matches!(store.commit(succeeded(&job)).await, Err(CommitError::NoDraft)));
    assert_eq!(store.job(job.id()).await.unwrap().as_ref(), Some(&job));
    assert_eq!(store.log(job.id(), job.version).await.unwrap(), []);
    assert_eq!(store.get(result(&job)).await.unwrap(), None);
}

pub(crate) async fn a_draft_that_may_still_be_published_is_not_swept(test_store: &impl TestStore) {
    let store = test_store.open();
    let job = accepted(&*store, "acme", 1).await;
    let job = store.commit(scheduled(&job, lease(&job, 1))).await.unwrap();
    let draft = draft(&job, job.state.lease().unwrap());
    store.put(draft, "first".into()).await.unwrap();
    store.put(draft, "second".into()).await.unwrap();
    assert_eq!(store.sweep_drafts().await.unwrap(), 0);
    assert_eq!(store.get(draft).await.unwrap(), Some(Bytes::from("second")));
}

pub(crate) async fn a_client_cannot_write_a_result(test_store: &impl TestStore) {
    let store = test_store.open();
    let job = accepted(&*store, "acme", 1).await;
    assert!(store.put(result(&job), "forged".into()).await.is_err());
    assert_eq!(store.get(result(&job)).await.unwrap(), None);
}

pub(crate) async fn the_payloads_of_an_open_call_are_kept_until_they_are_discarded(
    test_store: &impl TestStore,
) {
    let store = test_store.open();
    let call = Job::accepted(request("acme", 1), Durability::Ephemeral, store.memory());
    let answer = draft(&call, lease(&call, 1));
    store.put(call.context(), "in".into()).await.unwrap();
    store.put(answer, "out".into()).await.unwrap();
    assert_eq!(store.sweep_drafts().await.unwrap(), 0);
    assert_eq!(store.get(answer).await.unwrap(), Some(Bytes::from("out")));
    store.discard(call.id()).await.unwrap();
    assert_eq!(store.get(call.context()).await.unwrap(), None);
    assert_eq!(store.get(answer).await.unwrap(), None);

    let durable = accepted(&*store, "acme", 2).await;
    store.discard(durable.id()).await.unwrap();
    assert!(store.get(durable.context()).await.unwrap().is_some());
}
