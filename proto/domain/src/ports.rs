//! What the core asks of the world: the store, the bus, the payload memory and the safety kernel.
//!
//! The futures are boxed so that which store or bus is used is chosen at run time.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;

use crate::event::Entry;
use crate::flow::Submission;
use crate::id::{JobId, Tenant, WorkerId};
use crate::job::{Job, Version};
use crate::pointer::{Memory, Pointer};
use crate::policy::{Decision, PolicyRequest};
use crate::retention::Beyond;
use crate::state::{Attempt, Lease, StateName};
use crate::subject::{Filter, Subject};
use crate::time::Timestamp;
use crate::topic::Topic;
use crate::transition::Change;

/// An answer that is on its way.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The store could not do what it was asked; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It has more to write than it will hold; try again later.
    #[error("the store is overloaded, try again later")]
    Overloaded,
    /// The tenant has as much as it may; others' are taken.
    #[error(transparent)]
    Beyond(#[from] Beyond),
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
    pub message: Message,
}

/// What the relay carries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Message {
    Submit { job: JobId },
    Abort { job: JobId, lease: Lease, worker: WorkerId },
}

/// One step of one durable job, in the order in which they were written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    pub sequence: Sequence,
    pub job: JobId,
    pub tenant: Tenant,
    pub version: Version,
    pub attempt: Attempt,
    pub state: StateName,
    pub at: Timestamp,
}

/// The truth about jobs. Every write is one atomic step over state, index, log and outbox, and its
/// answer comes after the flush.
pub trait JobStore: Payloads {
    /// Takes a submission in: its input, its job, its first log entry and word to the scheduler.
    fn accept(&self, submission: Submission) -> Answer<'_, Result<Acceptance, StoreError>>;

    /// Commits a change; gives the job as it then stands.
    fn commit(&self, change: Change) -> Answer<'_, Result<Job, CommitError>>;

    /// Notes an ephemeral job that has ended, with its whole log. Returns once it is queued to be written:
    /// [`Self::job`] finds it from there on, and a list a moment later. One of a tenant that has as much in the store
    /// as it may is not noted.
    fn record(&self, job: Job, log: Vec<Entry>) -> Answer<'_, Result<(), StoreError>>;

    /// Makes an ephemeral job durable as it stands, with its whole log. Its input was put before.
    fn keep(&self, job: Job, log: Vec<Entry>) -> Answer<'_, Result<(), StoreError>>;

    fn job(&self, id: JobId) -> Answer<'_, Result<Option<Job>, StoreError>>;

    fn jobs(&self, query: Query) -> Answer<'_, Result<Vec<Job>, StoreError>>;

    /// A job's log after a version.
    fn log(&self, id: JobId, after: Version) -> Answer<'_, Result<Vec<Entry>, StoreError>>;

    /// Durable jobs that have not ended, by id, after `after`.
    fn open_jobs(&self, after: Option<JobId>, limit: usize) -> Answer<'_, Result<Vec<Job>, StoreError>>;

    /// The oldest messages not yet relayed, after `after`.
    fn outbox(&self, after: Sequence, limit: usize) -> Answer<'_, Result<Vec<Outbound>, StoreError>>;

    /// Forgets messages that the bus has taken.
    fn relayed(&self, sequences: Vec<Sequence>) -> Answer<'_, Result<(), StoreError>>;

    /// The steps of durable jobs after `after`, oldest first.
    fn steps(&self, after: Sequence, limit: usize) -> Answer<'_, Result<Vec<Step>, StoreError>>;

    /// The newest step's place; `Sequence(0)` before the first.
    fn newest_step(&self) -> Answer<'_, Result<Sequence, StoreError>>;

    /// A named place in the steps that a reader keeps across restarts; `Sequence(0)` before the first.
    fn cursor(&self, name: &'static str) -> Answer<'_, Result<Sequence, StoreError>>;

    fn set_cursor(&self, name: &'static str, to: Sequence) -> Answer<'_, Result<(), StoreError>>;

    /// Resolves once a commit later than the count last `seen` is there, with the new count. A hint
    /// only: whoever waits also looks again after a while.
    fn changed(&self, seen: u64) -> Answer<'_, u64>;

    /// Deletes what is kept no longer: ended jobs with all that is theirs, idempotency keys, steps that were read. A
    /// little at a time, so that what comes meanwhile is written between. Gives how many jobs.
    fn forget(&self, now: Timestamp) -> Answer<'_, Result<u64, StoreError>>;

    /// Deletes drafts that no open dispatch can publish any more; gives how many.
    fn sweep_drafts(&self) -> Answer<'_, Result<u64, StoreError>>;
}

/// Payloads behind pointers.
pub trait Payloads: Send + Sync + 'static {
    fn memory(&self) -> Memory;

    fn get(&self, pointer: Pointer) -> Answer<'_, Result<Option<Bytes>, StoreError>>;

    fn put(&self, pointer: Pointer, payload: Bytes) -> Answer<'_, Result<(), StoreError>>;
}

/// The bus could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// Nobody listens on the subject.
    #[error("nobody listens on `{0}`")]
    NoListener(Subject),
    /// No reply came in time.
    #[error("no reply on `{0}` in time")]
    TimedOut(Subject),
    /// The listeners' buffers are full.
    #[error("the listeners on `{0}` are overloaded")]
    Overloaded(Subject),
    /// The connection is gone.
    #[error("the bus is closed")]
    Closed,
    /// The broker refused, or the connection failed.
    #[error("the bus failed: {0}")]
    Broken(String),
}

/// A message as it arrives.
#[derive(Debug)]
pub struct Delivery {
    pub subject: Subject,
    pub body: Bytes,
    /// Where to answer, when the sender waits for one.
    pub reply: Option<Box<dyn Reply>>,
}

/// Answers one request.
pub trait Reply: Send + Sync + std::fmt::Debug {
    fn send(self: Box<Self>, body: Bytes) -> Answer<'static, Result<(), BusError>>;
}

/// What a listener holds; dropping it ends it.
pub trait Subscription: Send + std::fmt::Debug {
    /// The next message; `None` once the bus is closed.
    fn next(&mut self) -> Answer<'_, Option<Delivery>>;
}

/// Transport, at most once: it may lose or repeat a message, and nothing is lost or done twice.
pub trait Bus: Send + Sync + 'static {
    /// Publishes to all who listen. What is advice ([`Subject::is_advice`]) passes over a listener that is full; anything
    /// else waits for it a while.
    fn publish(&self, subject: Subject, body: Bytes) -> Answer<'_, Result<(), BusError>>;

    /// Publishes and waits for the first reply.
    fn request(&self, subject: Subject, body: Bytes, within: Duration)
    -> Answer<'_, Result<Bytes, BusError>>;

    /// Listens; of the listeners that share a `group`, each message reaches one.
    fn subscribe(
        &self,
        filter: Filter,
        group: Option<&'static str>,
    ) -> Answer<'_, Result<Box<dyn Subscription>, BusError>>;
}

/// The safety kernel could not be asked. The job is not let pass.
#[derive(Debug, thiserror::Error)]
#[error("the safety kernel could not be asked: {0}")]
pub struct SafetyError(pub String);

/// The safety kernel.
pub trait SafetyGate: Send + Sync + 'static {
    fn check(&self, request: PolicyRequest, now: Timestamp) -> Answer<'_, Result<Decision, SafetyError>>;
}
