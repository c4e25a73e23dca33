//! Jobs and their changes.

use std::collections::BTreeMap;
use std::time::Duration;

use cortex_domain::event::{Event, Timings};
use cortex_domain::flow::Submission;
use cortex_domain::id::{DispatchId, JobId};
use cortex_domain::job::{Fingerprint, Idempotency, Job, Limits, Owner, Request};
use cortex_domain::pointer::Pointer;
use cortex_domain::ports::{Acceptance, Store};
use cortex_domain::state::{Lease, Target};
use cortex_domain::time::Timestamp;
use cortex_domain::transition::Change;

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// Returns the n-th request of a tenant. Later ones have later ids.
pub(crate) fn request(tenant: &str, n: u16) -> Request {
    let mut random = [0; 10];
    random[..tenant.len().min(8)].copy_from_slice(&tenant.as_bytes()[..tenant.len().min(8)]);
    let created_at = NOW.after(Duration::from_millis(n.into()));
    Request {
        labels: BTreeMap::from([("n".to_owned(), n.to_string())]),
        ..Request::new(
            JobId::mint(created_at, random),
            Owner { tenant: tenant.parse().unwrap(), principal: "ci".parse().unwrap(), roles: vec![] },
            "job.echo".parse().unwrap(),
            Limits { attempts: 3, run: Duration::from_secs(30), deadline: None },
            created_at,
        )
    }
}

pub(crate) fn keyed(request: Request, key: &str, fingerprint: u8) -> Request {
    let fingerprint = Fingerprint([fingerprint; 32]);
    Request { idempotency: Some(Idempotency { key: key.parse().unwrap(), fingerprint }), ..request }
}

pub(crate) fn submission(request: Request) -> Submission {
    Submission { request, input: br#"{"say":"hello"}"#.to_vec() }
}

pub(crate) async fn accepted(store: &dyn Store, tenant: &str, n: u16) -> Job {
    match store.accept(submission(request(tenant, n))).await.unwrap() {
        Acceptance::New(job) => job,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn lease(job: &Job, dispatch: u8) -> Lease {
    Lease { attempt: job.attempt.next(), dispatch: DispatchId::new([dispatch; 16]) }
}

pub(crate) fn draft(job: &Job, lease: Lease) -> Pointer {
    Pointer::draft(job.memory, job.id(), lease.dispatch)
}

pub(super) fn result(job: &Job) -> Pointer {
    Pointer::result(job.memory, job.id())
}

pub(crate) fn scheduled(job: &Job, lease: Lease) -> Change {
    let target = Target::Worker("w1".parse().unwrap());
    Change::of(job.clone()).then(Event::Scheduled { lease, target }, NOW).unwrap()
}

pub(crate) fn succeeded(job: &Job) -> Change {
    let lease = job.state.lease().unwrap();
    let done = Event::Succeeded { lease, timings: Timings::default() };
    Change::of(job.clone()).reported(done, Some(&"w1".parse().unwrap()), NOW).unwrap()
}

pub(crate) fn cancelled(job: &Job) -> Change {
    Change::of(job.clone()).then(Event::Cancelled { reason: "by the test".into() }, NOW).unwrap()
}

/// Makes jobs that wait, that were cancelled, that have a result and that have a key. Returns their
/// ids.
#[allow(dead_code, reason = "only some of the suites need it")]
pub(crate) async fn jobs_in_every_state(store: &dyn Store) -> Vec<JobId> {
    let waits = accepted(store, "acme", 1).await;
    let over = accepted(store, "acme", 2).await;
    store.commit(cancelled(&over)).await.unwrap();
    let with_result = ended_with(store, 3, 5000).await;
    store.accept(submission(keyed(request("other", 4), "k", 1))).await.unwrap();
    // A rejected change counts nothing.
    store.commit(cancelled(&over)).await.unwrap_err();
    let lost = accepted(store, "acme", 5).await;
    let lost = store.commit(scheduled(&lost, lease(&lost, 1))).await.unwrap();
    store.commit(succeeded(&lost)).await.unwrap_err();
    vec![waits.id(), over.id(), with_result.id(), request("other", 4).id, lost.id()]
}

/// Makes an ended job of acme with a result of `bytes` bytes.
#[allow(dead_code, reason = "only some of the suites need it")]
pub(crate) async fn ended_with(store: &dyn Store, n: u16, bytes: usize) -> Job {
    let job = accepted(store, "acme", n).await;
    let lease = lease(&job, 1);
    let job = store.commit(scheduled(&job, lease)).await.unwrap();
    store.put(draft(&job, lease), vec![b'y'; bytes].into()).await.unwrap();
    store.commit(succeeded(&job)).await.unwrap()
}

/// Returns the n-th submission of a tenant.
#[allow(dead_code, reason = "only some of the suites need it")]
pub(crate) fn submission_of(tenant: &str, n: u16) -> Submission {
    submission(request(tenant, n))
}

/// Returns a job of acme that runs, and the change that ends it with its draft.
#[allow(dead_code, reason = "only some of the suites need it")]
pub(crate) async fn running(store: &dyn Store, n: u16) -> (Job, Change) {
    let job = accepted(store, "acme", n).await;
    let job = store.commit(scheduled(&job, lease(&job, 1))).await.unwrap();
    let end = succeeded(&job);
    (job, end)
}
