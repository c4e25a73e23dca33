//! Clients that take jobs through their states as fast as the store allows, and record what was
//! acknowledged.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cortex_domain::audit::AuditEvent;
use cortex_domain::event::{Event, Timings};
use cortex_domain::flow::Submission;
use cortex_domain::id::{DispatchId, JobId};
use cortex_domain::job::{Job, Limits, Owner, Request, Version};
use cortex_domain::pointer::Pointer;
use cortex_domain::policy::Decision;
use cortex_domain::ports::{Acceptance, Store};
use cortex_domain::state::{Denial, Lease, Target};
use cortex_domain::time::Timestamp;
use cortex_domain::transition::Change;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

const CLIENTS: usize = 16;
const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

#[derive(Default)]
struct Shared {
    acknowledged: Mutex<HashMap<JobId, Version>>,
    more: Notify,
    next: AtomicU64,
    stopping: AtomicBool,
}

pub(crate) struct Clients {
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

impl Clients {
    pub(crate) fn start(store: Arc<dyn Store>) -> Self {
        let shared = Arc::new(Shared::default());
        let tasks = (0..CLIENTS).map(|_| tokio::spawn(work(store.clone(), shared.clone()))).collect();
        Self { shared, tasks }
    }

    /// Returns what was acknowledged, once there are at least `jobs` jobs.
    pub(crate) async fn acknowledged(&self, jobs: usize) -> HashMap<JobId, Version> {
        loop {
            let more = self.shared.more.notified();
            let so_far = self.shared.acknowledged.lock().unwrap().clone();
            if so_far.len() >= jobs {
                return so_far;
            }
            more.await;
        }
    }

    pub(crate) async fn stop(self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.unwrap();
        }
    }
}

async fn work(store: Arc<dyn Store>, shared: Arc<Shared>) {
    let note = |job: &Job| {
        shared.acknowledged.lock().unwrap().insert(job.id(), job.version);
        shared.more.notify_waiters();
    };
    while !shared.stopping.load(Ordering::Relaxed) {
        let n = shared.next.fetch_add(1, Ordering::Relaxed);
        let Acceptance::New(job) = store.accept(submission(n)).await.unwrap() else { panic!() };
        note(&job);
        let job = store.commit(scheduled(&job)).await.unwrap();
        note(&job);
        let lease = job.state.lease().unwrap();
        store.put(Pointer::draft(job.memory, job.id(), lease.dispatch), "answer".into()).await.unwrap();
        let done = Event::Succeeded { lease, timings: Timings::default() };
        let change = Change::of(job).reported(done, Some(&"w1".parse().unwrap()), NOW).unwrap();
        note(&store.commit(change).await.unwrap());
    }
}

/// Returns the n-th job. Its input is large, so that the log is checkpointed now and then.
pub(crate) fn submission(n: u64) -> Submission {
    let mut random = [0; 10];
    random[..8].copy_from_slice(&n.to_be_bytes());
    let request = Request::new(
        JobId::mint(NOW, random),
        Owner { tenant: "acme".parse().unwrap(), principal: "ci".parse().unwrap(), roles: vec![] },
        "job.echo".parse().unwrap(),
        Limits { attempts: 3, run: Duration::from_secs(30), deadline: None },
        NOW,
    );
    Submission { request, input: vec![b'x'; 32 * 1024] }
}

pub(crate) fn scheduled(job: &Job) -> Change {
    let lease = Lease { attempt: job.attempt.next(), dispatch: DispatchId::new([7; 16]) };
    let target = Target::Worker("w1".parse().unwrap());
    Change::of(job.clone()).then(Event::Scheduled { lease, target }, NOW).unwrap()
}

/// Returns the audit entry of a denied job.
pub(crate) fn denied(job: &Job) -> AuditEvent {
    let denial = Denial { rule: "r".into(), reason: "no".into() };
    AuditEvent::of_decision(job, &Decision::deny(denial), NOW)
}
