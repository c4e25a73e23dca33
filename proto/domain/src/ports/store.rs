//! The store's traits, one for each concern.

use bytes::Bytes;

use super::Answer;
use crate::audit::AuditEvent;
use crate::event::Entry;
use crate::flow::Submission;
use crate::id::{JobId, Tenant};
use crate::job::{Job, Version};
use crate::pointer::{Memory, Pointer};
use crate::retention::RetentionExceeded;
use crate::state::{Attempt, StateName};
use crate::time::Timestamp;
use crate::topic::Topic;
use crate::transition::{Change, OutboxMessage};

/// The store could not do what it was asked; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It has more to write than it will hold; try again later.
    #[error("the store is overloaded, try again later")]
    Overloaded,
    /// The tenant has as much as it may; others' are taken.
    #[error(transparent)]
    RetentionExceeded(#[from] RetentionExceeded),
    /// The disk or the database failed.
    #[error("the store failed: {0}")]
    Broken(String),
    /// What it holds can't be read.
    #[error("the store holds something that can't be read: {0}")]
    Corrupt(String),
}

/// A change that was not committed.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The job has moved on: read it again and decide again.
    #[error("the job is not at the version that the change expects")]
    Conflict,
    /// The change makes a draft the result, and there is no such draft.
    #[error("the draft that the change publishes is not there")]
    NoDraft,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How a submission was taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Acceptance {
    /// It is a new job, and is flushed.
    New(Job),
    /// The same request came before under this idempotency key or this id; this is its job.
    Known(Job),
    /// Another request came before under this idempotency key or this id.
    Mismatch,
}

/// Which jobs to list; newest first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Query {
    pub tenant: Tenant,
    pub state: Option<StateName>,
    pub topic: Option<Topic>,
    /// Only jobs older than this one.
    pub before: Option<JobId>,
    pub limit: usize,
}

/// A place in the store's order of writing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Sequence(pub u64);

/// An effect waiting to be carried to the bus.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outbound {
    pub sequence: Sequence,
    pub message: OutboxMessage,
}

/// An entry of the audit log and its number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Audited {
    pub sequence: Sequence,
    pub entry: AuditEvent,
}

/// One step of one durable job, in the order in which they were written.
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

/// The truth about jobs. Every write is one atomic step over state, index, log, outbox and audit log, and its answer comes after
/// the flush.
pub trait Jobs: Send + Sync + 'static {
    /// Takes a submission in: its input, its job, its first log entry and the message to the scheduler.
    fn accept(&self, submission: Submission) -> Answer<'_, Result<Acceptance, StoreError>>;

    /// Commits a change with its effects, and returns the job as it then is. A change that expects version 0 makes an
    /// ephemeral job durable as it is; its input was put before.
    fn commit(&self, change: Change) -> Answer<'_, Result<Job, CommitError>>;

    /// Notes an ephemeral job that has ended, with its whole history. Returns once it is queued to be written:
    /// [`Self::job`] finds it from there on, and a list a moment later. One of a tenant that has as much in the store
    /// as it may is not noted, nor one whose id another job has; its audit entries are.
    fn record(&self, history: Change) -> Answer<'_, Result<(), StoreError>>;

    fn job(&self, id: JobId) -> Answer<'_, Result<Option<Job>, StoreError>>;

    fn jobs(&self, query: Query) -> Answer<'_, Result<Vec<Job>, StoreError>>;

    /// A job's log after a version.
    fn log(&self, id: JobId, after: Version) -> Answer<'_, Result<Vec<Entry>, StoreError>>;

    /// Durable jobs that have not ended, by id, after `after`.
    fn open_jobs(&self, after: Option<JobId>, limit: usize) -> Answer<'_, Result<Vec<Job>, StoreError>>;

    /// Counts the jobs in the store by tenant and state. Pairs without jobs are left out. Reads an index of all jobs, so
    /// callers ask now and then.
    fn counts(&self) -> Answer<'_, Result<Vec<JobCount>, StoreError>>;
}

/// Messages that were committed and wait to be carried to the bus.
pub trait Outbox: Send + Sync + 'static {
    /// The oldest messages not yet relayed, after `after`.
    fn outbox(&self, after: Sequence, limit: usize) -> Answer<'_, Result<Vec<Outbound>, StoreError>>;

    /// Forgets messages that the bus has taken.
    fn relayed(&self, sequences: Vec<Sequence>) -> Answer<'_, Result<(), StoreError>>;
}

/// The steps of durable jobs in the order of writing, and how far each reader has come.
pub trait Feed: Send + Sync + 'static {
    /// The steps of durable jobs after `after`, oldest first.
    fn steps(&self, after: Sequence, limit: usize) -> Answer<'_, Result<Vec<JobStep>, StoreError>>;

    /// The newest step's place; `Sequence(0)` before the first.
    fn newest_step(&self) -> Answer<'_, Result<Sequence, StoreError>>;

    /// A named place in the steps that a reader keeps across restarts; `Sequence(0)` before the first.
    fn cursor(&self, name: &'static str) -> Answer<'_, Result<Sequence, StoreError>>;

    fn set_cursor(&self, name: &'static str, to: Sequence) -> Answer<'_, Result<(), StoreError>>;

    /// Resolves once a commit later than the count last `seen` is there, with the new count. A hint
    /// only: whoever waits also looks again after a while.
    fn changed(&self, seen: u64) -> Answer<'_, u64>;
}

/// The audit log: what was committed with changes, and what was added by itself.
pub trait AuditLog: Send + Sync + 'static {
    /// Adds entries that go with no change. Returns once they are queued to be written: after that they are lost only if the
    /// process ends before the next flush. While the store fails to write, it returns only after a flush, or with the failure.
    fn append(&self, entries: Vec<AuditEvent>) -> Answer<'_, Result<(), StoreError>>;

    /// The entries after `after`, in the order of writing, and of those that were flushed at once tenant by tenant. Their
    /// numbers rise, and miss none but those of entries that were deleted.
    fn audit(&self, after: Sequence, limit: usize) -> Answer<'_, Result<Vec<Audited>, StoreError>>;
}

/// What deletes what is kept no longer.
pub trait Upkeep: Send + Sync + 'static {
    /// Deletes what is kept no longer: ended jobs with all that is theirs, idempotency keys, steps that were read, audit
    /// entries. Of a tenant that has more audit entries than are kept the oldest go, and never those of another. A little at a time, so that what comes meanwhile is written between. Returns how many jobs.
    fn forget(&self, now: Timestamp) -> Answer<'_, Result<u64, StoreError>>;

    /// Deletes drafts that no open dispatch can publish any more, and returns how many.
    fn sweep_drafts(&self) -> Answer<'_, Result<u64, StoreError>>;
}

/// A store: all of its concerns over one transaction log.
pub trait Store: Jobs + Outbox + Feed + AuditLog + Upkeep + Payloads {}

impl<S: Jobs + Outbox + Feed + AuditLog + Upkeep + Payloads> Store for S {}

/// Payloads behind pointers.
pub trait Payloads: Send + Sync + 'static {
    fn memory(&self) -> Memory;

    fn get(&self, pointer: Pointer) -> Answer<'_, Result<Option<Bytes>, StoreError>>;

    fn put(&self, pointer: Pointer, payload: Bytes) -> Answer<'_, Result<(), StoreError>>;
}
