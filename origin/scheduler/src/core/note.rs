//! What the log tells an operator.

use cortex_domain::id::{JobId, WorkerId};
use cortex_domain::state::FailureKind;

/// Something that an operator may want to know. The driver writes it to the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Note {
    /// A lease ended because its worker stopped sending heartbeats, or because the run exceeded its
    /// topic's time limit.
    Lapsed { job: JobId, worker: WorkerId, kind: FailureKind },
    /// A report changed nothing. It came under a lease that is not the job's, or it does not fit
    /// the job's state.
    Stale { job: JobId, worker: Option<WorkerId>, event: &'static str },
    /// A worker runs a job under an ended lease. The scheduler tells it to stop.
    Orphan { job: JobId, worker: WorkerId },
    /// Too many reports wait while a change of the job is saved. The last one was dropped.
    TooManyReports { job: JobId, worker: Option<WorkerId> },
    /// A cleared job has no next attempt that could be placed. This is a fault of the scheduler.
    Unplaced { job: JobId },
    /// The store did not commit a placement.
    NotPlaced { job: JobId, worker: WorkerId },
}
