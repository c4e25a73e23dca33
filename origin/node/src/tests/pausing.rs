//! A store and a safety kernel that can pause at chosen points, so that a race runs in its harmful
//! order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use cortex_domain::audit::AuditEvent;
use cortex_domain::event::{Entry, Event};
use cortex_domain::flow::Submission;
use cortex_domain::id::JobId;
use cortex_domain::job::{Job, Version};
use cortex_domain::ownership::{Standing, Turn};
use cortex_domain::pointer::{Memory, Pointer};
use cortex_domain::policy::{Decision, PolicyRequest};
use cortex_domain::ports::{
    Acceptance, Answer, AuditLog, Audited, CommitError, Feed, JobCount, JobStep, Jobs, Outbound, Outbox,
    Ownership, Payloads, Query, SafetyError, SafetyGate, Sequence, Store, StoreError, Upkeep,
};
use cortex_domain::share::Term;
use cortex_domain::time::Timestamp;
use cortex_domain::transition::Change;
use tokio::sync::Notify;

/// A point at which the next operation pauses.
#[derive(Debug, Default)]
pub(crate) struct PausePoint {
    armed: AtomicBool,
    reached: Notify,
    resume: Notify,
}

impl PausePoint {
    pub(crate) fn arm(&self) {
        self.armed.store(true, Ordering::SeqCst);
    }

    pub(crate) async fn reached(&self) {
        self.reached.notified().await;
    }

    pub(crate) fn resume(&self) {
        self.resume.notify_one();
    }

    async fn pass(&self) {
        if self.armed.swap(false, Ordering::SeqCst) {
            self.reached.notify_one();
            self.resume.notified().await;
        }
    }
}

/// A store that pauses after it has responded, and before its caller knows.
pub(crate) struct PausingStore<S> {
    pub(crate) store: Arc<S>,
    pub(crate) open_jobs: PausePoint,
    pub(crate) release: PausePoint,
    pub(crate) ends: PausePoint,
    /// Signals each time the outbox was relayed.
    pub(crate) relayed: Notify,
}

impl<S> PausingStore<S> {
    pub(crate) fn new(store: Arc<S>) -> Self {
        let (open_jobs, release, ends) = Default::default();
        Self { store, open_jobs, release, ends, relayed: Notify::new() }
    }
}

impl<S: Store> Jobs for PausingStore<S> {
    fn accept(&self, submission: Submission) -> Answer<'_, Result<Acceptance, StoreError>> {
        self.store.accept(submission)
    }

    fn commit(&self, change: Change) -> Answer<'_, Result<Job, CommitError>> {
        let releases = change.entries().iter().any(|entry| entry.event == Event::Released);
        let ends = change.job().state.is_terminal();
        Box::pin(async move {
            let job = self.store.commit(change).await;
            if ends {
                self.ends.pass().await;
            }
            if releases {
                self.release.pass().await;
            }
            job
        })
    }

    fn record(&self, history: Change) -> Answer<'_, Result<(), StoreError>> {
        self.store.record(history)
    }

    fn job(&self, id: JobId) -> Answer<'_, Result<Option<Job>, StoreError>> {
        self.store.job(id)
    }

    fn jobs(&self, query: Query) -> Answer<'_, Result<Vec<Job>, StoreError>> {
        self.store.jobs(query)
    }

    fn log(&self, id: JobId, after: Version) -> Answer<'_, Result<Vec<Entry>, StoreError>> {
        self.store.log(id, after)
    }

    fn open_jobs(&self, after: Option<JobId>, limit: usize) -> Answer<'_, Result<Vec<Job>, StoreError>> {
        Box::pin(async move {
            let page = self.store.open_jobs(after, limit).await;
            self.open_jobs.pass().await;
            page
        })
    }

    fn counts(&self) -> Answer<'_, Result<Vec<JobCount>, StoreError>> {
        self.store.counts()
    }
}

impl<S: Store> Outbox for PausingStore<S> {
    fn outbox(&self, after: Sequence, limit: usize) -> Answer<'_, Result<Vec<Outbound>, StoreError>> {
        self.store.outbox(after, limit)
    }

    fn relayed(&self, sequences: Vec<Sequence>) -> Answer<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let done = self.store.relayed(sequences).await;
            self.relayed.notify_one();
            done
        })
    }
}

impl<S: Store> Feed for PausingStore<S> {
    fn steps(&self, after: Sequence, limit: usize) -> Answer<'_, Result<Vec<JobStep>, StoreError>> {
        self.store.steps(after, limit)
    }

    fn newest_step(&self) -> Answer<'_, Result<Sequence, StoreError>> {
        self.store.newest_step()
    }

    fn cursor(&self, name: &'static str) -> Answer<'_, Result<Sequence, StoreError>> {
        self.store.cursor(name)
    }

    fn set_cursor(&self, name: &'static str, to: Sequence) -> Answer<'_, Result<(), StoreError>> {
        self.store.set_cursor(name, to)
    }

    fn changed(&self, seen: u64) -> Answer<'_, u64> {
        self.store.changed(seen)
    }
}

impl<S: Store> AuditLog for PausingStore<S> {
    fn append(&self, entries: Vec<AuditEvent>, term: Option<Term>) -> Answer<'_, Result<(), StoreError>> {
        self.store.append(entries, term)
    }

    fn audit(&self, after: Sequence, limit: usize) -> Answer<'_, Result<Vec<Audited>, StoreError>> {
        self.store.audit(after, limit)
    }
}

impl<S: Store> Ownership for PausingStore<S> {
    fn is_shared(&self) -> bool {
        self.store.is_shared()
    }

    fn turn(&self, turn: Turn) -> Answer<'_, Result<Standing, StoreError>> {
        self.store.turn(turn)
    }
}

impl<S: Store> Upkeep for PausingStore<S> {
    fn forget(&self, now: Timestamp) -> Answer<'_, Result<u64, StoreError>> {
        self.store.forget(now)
    }

    fn sweep_drafts(&self) -> Answer<'_, Result<u64, StoreError>> {
        self.store.sweep_drafts()
    }
}

impl<S: Store> Payloads for PausingStore<S> {
    fn memory(&self) -> Memory {
        self.store.memory()
    }

    fn get(&self, pointer: Pointer) -> Answer<'_, Result<Option<Bytes>, StoreError>> {
        self.store.get(pointer)
    }

    fn put(&self, pointer: Pointer, payload: Bytes) -> Answer<'_, Result<(), StoreError>> {
        self.store.put(pointer, payload)
    }

    fn discard(&self, job: JobId) -> Answer<'_, Result<(), StoreError>> {
        self.store.discard(job)
    }
}

/// A safety kernel that pauses.
pub(crate) struct PausingGate<G> {
    pub(crate) gate: G,
    pub(crate) check: PausePoint,
}

impl<G: SafetyGate> SafetyGate for PausingGate<G> {
    fn check(&self, request: PolicyRequest, now: Timestamp) -> Answer<'_, Result<Decision, SafetyError>> {
        Box::pin(async move {
            self.check.pass().await;
            self.gate.check(request, now).await
        })
    }
}
