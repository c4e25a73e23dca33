//! The inputs of the core.

use cortex_domain::event::Event;
use cortex_domain::id::{DispatchId, JobId, WorkerId};
use cortex_domain::job::{Job, Request};
use cortex_domain::placement::Candidate;
use cortex_domain::policy::Decision;
use cortex_domain::share::Terms;
use cortex_domain::state::Lease;
use cortex_domain::time::{Timestamp, Uptime};
use cortex_domain::worker::HeldLease;

use super::tracked::AskId;

/// The time and the randomness of one step.
pub(crate) struct Now<'a> {
    pub(crate) wall: Timestamp,
    pub(crate) awake: Uptime,
    /// Makes ids that no worker can guess.
    pub(crate) dispatch: &'a mut dyn FnMut() -> DispatchId,
}

impl std::fmt::Debug for Now<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Now").field("wall", &self.wall).field("awake", &self.awake).finish_non_exhaustive()
    }
}

/// What happened. `R` is the handle by which a caller is answered.
#[derive(Debug)]
pub(crate) enum Input<R> {
    /// A durable job is in the store and ready.
    Submitted { job: JobId },
    /// These durable jobs are open in the store.
    OpenJobs { jobs: Vec<Job> },
    /// Another component has changed a job in the store.
    Changed { job: JobId },
    /// A synchronous call came in.
    Called { request: Box<Request>, reply: R },
    /// The caller stopped waiting. Its call continues as a durable job.
    Detached { job: JobId },
    /// The caller has disconnected.
    Abandoned { job: JobId },
    /// A worker reports on a job.
    Reported { job: JobId, event: Event, worker: WorkerId },
    /// A worker is connected and holds these leases.
    Heartbeat { worker: Box<Candidate>, held: Vec<HeldLease> },
    /// The terms of this scheduler have changed.
    Owned { terms: Terms },
    /// Time has passed.
    Tick,
    /// The scheduler shuts down.
    Stopping,

    /// The outcome of [`super::Action::Load`]: the job, if the store has it. `Err` means that the
    /// store failed.
    Loaded { job: JobId, found: Result<Option<Box<Job>>, ()> },
    /// The outcome of [`super::Action::Ask`]. `Err` means that the safety kernel is unreachable.
    Decided { job: JobId, ask: AskId, decision: Result<Decision, ()> },
    /// The outcome of [`super::Action::Commit`].
    Saved { job: JobId, outcome: Result<Box<Job>, SaveError> },
    /// The outcome of [`super::Action::Record`]: whether the store has accepted the entries.
    Recorded { job: JobId, lease: Lease, taken: bool },
    /// The outcome of [`super::Action::Persist`].
    Persisted { job: JobId, outcome: Result<(), PersistError> },
    /// The outcome of [`super::Action::Send`].
    Sent { job: JobId, lease: Lease, worker: WorkerId, outcome: DispatchOutcome },
}

impl<R> Input<R> {
    /// Returns whether the input reports that the store did not do what was asked of it.
    pub(crate) fn is_failure_of_store(&self) -> bool {
        match self {
            Self::Loaded { found, .. } => found.is_err(),
            Self::Saved { outcome, .. } => {
                matches!(outcome, Err(SaveError::Failed | SaveError::TermOver))
            }
            _ => false,
        }
    }
}

/// The outcome of offering a job to a worker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum DispatchOutcome {
    /// The worker accepted the job.
    Accepted,
    /// The worker accepted the job, and the run has started.
    Started,
    /// The worker has no room or is gone, so the job will not run.
    Refused,
    /// No reply came in time, so the job may run.
    Unanswered,
}

/// Why the store did not commit a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SaveError {
    /// The job is at another version.
    Conflict,
    /// The draft that was to become the result is missing.
    NoDraft,
    /// Another scheduler owns the tenant's share.
    TermOver,
    /// The store failed.
    Failed,
}

/// Why the store did not persist a call's job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PersistError {
    /// The tenant has reached a limit of the store.
    Full,
    /// The store failed.
    Failed,
}
