use cortex_domain::id::{JobId, WorkerId};
use cortex_domain::state::FailureKind;

/// Something that an operator may want to know of. The driver writes it to the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Note {
    /// A lease ended because of its worker: it fell silent, or ran longer than the topic may.
    Lapsed { job: JobId, worker: WorkerId, kind: FailureKind },
    /// A report came under a lease that the job does not have, or does not fit its state. It changed nothing.
    Stale { job: JobId, worker: Option<WorkerId>, event: &'static str },
    /// A worker runs a job under a lease that has ended, and is told to stop.
    Orphan { job: JobId, worker: WorkerId },
    /// Too many reports wait for a change of the job to be saved. The last one was dropped.
    TooManyReports { job: JobId, worker: Option<WorkerId> },
    /// A job that was cleared has no next attempt that could be placed, which is a fault of the scheduler.
    Unplaced { job: JobId },
    /// The store did not commit the placing of a job.
    NotPlaced { job: JobId, worker: WorkerId },
}
