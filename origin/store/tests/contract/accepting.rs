//! Accepting submissions.

use bytes::Bytes;
use cortex_domain::flow::Submission;
use cortex_domain::job::{Request, Version};
use cortex_domain::ports::{Acceptance, Outbound, Sequence};
use cortex_domain::transition::{OutboxMessage, first_entry};

use super::TestStore;
use super::fixtures::{accepted, keyed, request, submission};

pub(crate) async fn an_accepted_job_has_its_input_log_and_message(test_store: &impl TestStore) {
    let store = test_store.open();
    let job = accepted(&*store, "acme", 1).await;
    assert_eq!(job.memory, store.memory());
    assert_eq!(store.job(job.id()).await.unwrap().as_ref(), Some(&job));
    assert_eq!(store.log(job.id(), Version(0)).await.unwrap(), [first_entry(&job)]);
    assert_eq!(store.get(job.context()).await.unwrap(), Some(Bytes::from_static(br#"{"say":"hello"}"#)));
    let waiting = store.outbox(Sequence(0), 10).await.unwrap();
    assert!(
        matches!(&waiting[..], [Outbound { message: OutboxMessage::Submit { job: id, .. }, .. }] if *id == job.id())
    );
}

pub(crate) async fn the_same_request_is_known_and_any_other_is_a_mismatch(test_store: &impl TestStore) {
    let store = test_store.open();
    let store = &*store;
    let plain = accepted(store, "acme", 1).await;
    let again = |request: Request| async { store.accept(submission(request)).await.unwrap() };

    assert_eq!(again(request("acme", 1)).await, Acceptance::Known(plain.clone()));
    let other_input = Submission { input: b"{}".to_vec(), ..submission(request("acme", 1)) };
    assert_eq!(store.accept(other_input).await.unwrap(), Acceptance::Mismatch);
    let mut foreign = request("acme", 1);
    foreign.owner.tenant = "other".parse().unwrap();
    assert_eq!(again(foreign).await, Acceptance::Mismatch);

    let Acceptance::New(with_key) = again(keyed(request("acme", 2), "k", 7)).await else { panic!() };
    assert_eq!(again(keyed(request("acme", 2), "k", 7)).await, Acceptance::Known(with_key.clone()));
    assert_eq!(again(keyed(request("acme", 3), "k", 7)).await, Acceptance::Known(with_key));
    assert_eq!(again(keyed(request("acme", 3), "k", 8)).await, Acceptance::Mismatch);
    assert_eq!(again(keyed(request("acme", 2), "other-key", 7)).await, Acceptance::Mismatch);
    assert_eq!(store.job(request("acme", 3).id).await.unwrap(), None);
    assert_eq!(store.outbox(Sequence(0), 10).await.unwrap().len(), 2);
}

pub(crate) async fn an_idempotency_key_belongs_to_its_tenant(test_store: &impl TestStore) {
    let store = test_store.open();
    for tenant in ["acme", "other"] {
        let taken = store.accept(submission(keyed(request(tenant, 1), "k", 7))).await.unwrap();
        assert!(matches!(taken, Acceptance::New(_)));
    }
}

pub(crate) async fn a_key_used_many_times_at_once_makes_one_job(test_store: &impl TestStore) {
    let store = test_store.open();
    let at_once = (0..20).map(|n| {
        let store = store.clone();
        tokio::spawn(
            async move { store.accept(submission(keyed(request("acme", n), "k", 7))).await.unwrap() },
        )
    });
    let mut made = Vec::new();
    let mut known = Vec::new();
    for task in at_once.collect::<Vec<_>>() {
        match task.await.unwrap() {
            Acceptance::New(job) => made.push(job.id()),
            Acceptance::Known(job) => known.push(job.id()),
            Acceptance::Mismatch => panic!(),
        }
    }
    assert_eq!((made.len(), known.len()), (1, 19));
    assert!(known.iter().all(|id| *id == made[0]));
    assert_eq!(store.open_jobs(None, 100).await.unwrap().len(), 1);
}
