//! The traits of the store, one for each concern.

use bytes::Bytes;

use super::Answer;
use crate::audit::AuditEvent;
use crate::event::Entry;
use crate::flow::Submission;
use crate::id::{JobId, Tenant};
use crate::job::{Job, Version};
use crate::ownership::{Standing, Turn};
use crate::pointer::{Memory, Pointer};
use crate::retention::RetentionExceeded;
use crate::share::Term;
use crate::state::{Attempt, StateName};
use crate::time::Timestamp;
use crate::topic::Topic;
use crate::transition::{Change, OutboxMessage};
use crate::verify::{Finding, StoredJob};

/// The store could not perform the operation. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Too many writes are waiting. The caller may try again later.
    #[error("the store is overloaded: try again later")]
    Overloaded,
    /// The tenant has reached a limit. Other tenants are not affected.
    #[error(transparent)]
    RetentionExceeded(#[from] RetentionExceeded),
    /// The change is that of a scheduler which no longer owns the tenant's share. It must read its
    /// share again.
    #[error("another scheduler has the tenant's share")]
    TermOver,
    /// The disk or the database failed.
    #[error("the store failed: {0}")]
    Broken(String),
    /// The stored data is corrupt.
    #[error("the store holds corrupt data: {0}")]
    Corrupt(String),
}

/// A change that was not committed.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The job has changed. The caller must read it and decide again.
    #[error("the job has another version than the change expects")]
    Conflict,
    /// The change publishes a draft that does not exist.
    #[error("the draft that the change publishes is missing")]
    NoDraft,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The result of accepting a submission.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Acceptance {
    /// It is a new job, and it is flushed.
    New(Job),
    /// The store already knows the request by its idempotency key or id. This is its job.
    Known(Job),
    /// The idempotency key or id belongs to a different request.
    Mismatch,
}

/// Which jobs to list, newest first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Query {
    pub tenant: Tenant,
    pub state: Option<StateName>,
    pub topic: Option<Topic>,
    /// Only jobs older than this one.
    pub before: Option<JobId>,
    pub limit: usize,
}

/// A position in the store's order of writes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Sequence(pub u64);

/// A message that waits to be sent on the bus.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outbound {
    pub sequence: Sequence,
    pub message: OutboxMessage,
}

/// An entry of the audit log and its position.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Audited {
    pub sequence: Sequence,
    pub entry: AuditEvent,
}

/// One step of a durable job, in the order of writes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JobStep {
    pub sequence: Sequence,
    pub job: JobId,
    pub tenant: Tenant,
    pub version: Version,
    pub attempt: Attempt,
    pub state: StateName,
    pub at: Timestamp,
}

/// How many jobs of a tenant are in a state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JobCount {
    pub tenant: Tenant,
    pub state: StateName,
    pub jobs: u64,
}

/// The authoritative state of jobs. Every write changes state, index, log, outbox and audit log
/// atomically, and returns after the flush.
pub trait Jobs: Send + Sync + 'static {
    /// Accepts a submission: its input, its job, its first log entry and the message to the
    /// scheduler.
    fn accept(&self, submission: Submission) -> Answer<'_, Result<Acceptance, StoreError>>;

    /// Commits a change with its effects, and returns the resulting job. A change that expects
    /// version 0 makes an ephemeral job durable in its current state. The caller must have stored
    /// its input before.
    fn commit(&self, change: Change) -> Answer<'_, Result<Job, CommitError>>;

    /// Records an ephemeral job that has ended, with its whole history. Returns once the write is
    /// queued. From then on [`Self::job`] finds the job, and a list shows it a moment later. The
    /// store skips the job if its tenant has reached a limit or another job has its id, but keeps
    /// its audit entries.
    fn record(&self, history: Change) -> Answer<'_, Result<(), StoreError>>;

    fn job(&self, id: JobId) -> Answer<'_, Result<Option<Job>, StoreError>>;

    fn jobs(&self, query: Query) -> Answer<'_, Result<Vec<Job>, StoreError>>;

    /// Returns a job's log after a version.
    fn log(&self, id: JobId, after: Version) -> Answer<'_, Result<Vec<Entry>, StoreError>>;

    /// Returns durable jobs that have not ended, ordered by id, after `after`.
    fn open_jobs(&self, after: Option<JobId>, limit: usize) -> Answer<'_, Result<Vec<Job>, StoreError>>;

    /// Counts the jobs in the store by tenant and state, without pairs that have no jobs. The
    /// embedded store reads an index of all jobs, so callers should not call it often.
    fn counts(&self) -> Answer<'_, Result<Vec<JobCount>, StoreError>>;
}

/// Committed messages that wait to be sent on the bus.
pub trait Outbox: Send + Sync + 'static {
    /// Returns the oldest messages that have not been relayed, after `after`.
    fn outbox(&self, after: Sequence, limit: usize) -> Answer<'_, Result<Vec<Outbound>, StoreError>>;

    /// Deletes messages that the bus has accepted.
    fn relayed(&self, sequences: Vec<Sequence>) -> Answer<'_, Result<(), StoreError>>;
}

/// The steps of durable jobs in the order of writes, and the position of each reader.
pub trait Feed: Send + Sync + 'static {
    /// Returns the steps of durable jobs after `after`, oldest first.
    fn steps(&self, after: Sequence, limit: usize) -> Answer<'_, Result<Vec<JobStep>, StoreError>>;

    /// Returns the position of the newest step, or `Sequence(0)` before the first.
    fn newest_step(&self) -> Answer<'_, Result<Sequence, StoreError>>;

    /// Returns a reader's named position, which survives restarts, or `Sequence(0)` before the
    /// first step.
    fn cursor(&self, name: &'static str) -> Answer<'_, Result<Sequence, StoreError>>;

    fn set_cursor(&self, name: &'static str, to: Sequence) -> Answer<'_, Result<(), StoreError>>;

    /// Waits until the count of commits exceeds `seen`, and returns the new count. This is only a
    /// hint, so callers also poll from time to time.
    fn changed(&self, seen: u64) -> Answer<'_, u64>;
}

/// The audit log: entries that were committed with changes, and entries that were appended alone.
pub trait AuditLog: Send + Sync + 'static {
    /// Appends entries that belong to no change. Returns once they are queued. They are lost only
    /// if the process ends before the next flush. While the store fails to write, this returns only
    /// after a flush, or with the error. Entries of a scheduler's decisions name its term, and are refused once it is over.
    fn append(&self, entries: Vec<AuditEvent>, term: Option<Term>) -> Answer<'_, Result<(), StoreError>>;

    /// Returns the entries after `after` in the order of writes. Entries of one flush are grouped
    /// by tenant. The numbers increase, and gaps come only from deleted entries.
    fn audit(&self, after: Sequence, limit: usize) -> Answer<'_, Result<Vec<Audited>, StoreError>>;
}

/// The record of which scheduler owns which share of the tenants.
pub trait Ownership: Send + Sync + 'static {
    /// Returns whether other schedulers may use this store at the same time.
    fn is_shared(&self) -> bool;

    /// Takes a scheduler's turn by the rule of [`Standing::apply`], and returns the record after
    /// it.
    fn turn(&self, turn: Turn) -> Answer<'_, Result<Standing, StoreError>>;
}

/// Deletes expired data.
pub trait Upkeep: Send + Sync + 'static {
    /// Deletes expired data: ended jobs and their payloads, idempotency keys, steps that every
    /// reader has seen, and audit entries. A tenant with too many audit entries loses its own
    /// oldest ones only. The store deletes a little at a time, so that other writes are not
    /// delayed. Returns the number of deleted jobs.
    fn forget(&self, now: Timestamp) -> Answer<'_, Result<u64, StoreError>>;

    /// Deletes drafts that no open dispatch can publish, and returns how many.
    fn sweep_drafts(&self) -> Answer<'_, Result<u64, StoreError>>;
}

/// Everything that a store holds, for a check. It can be read while the store is in use.
pub trait Inspect: Send + Sync + 'static {
    /// Returns jobs with everything stored about each, ordered by id, after `after`. What is said
    /// about one job is of one moment.
    fn inspect(&self, after: Option<JobId>, limit: usize) -> Answer<'_, Result<Vec<StoredJob>, StoreError>>;

    /// Checks what belongs to no single job: counts, idempotency keys, messages and orphans.
    fn inspect_rest(&self) -> Answer<'_, Result<Vec<Finding>, StoreError>>;
}

/// A store with all of its concerns over one transaction log.
pub trait Store: Jobs + Outbox + Feed + AuditLog + Upkeep + Payloads + Ownership {}

impl<S: Jobs + Outbox + Feed + AuditLog + Upkeep + Payloads + Ownership> Store for S {}

/// The payloads behind pointers.
pub trait Payloads: Send + Sync + 'static {
    fn memory(&self) -> Memory;

    fn get(&self, pointer: Pointer) -> Answer<'_, Result<Option<Bytes>, StoreError>>;

    fn put(&self, pointer: Pointer, payload: Bytes) -> Answer<'_, Result<(), StoreError>>;

    /// Deletes the payloads of a call that has ended. Those of a durable job stay. If this fails, the
    /// store deletes them later by itself.
    fn discard(&self, job: JobId) -> Answer<'_, Result<(), StoreError>>;
}
