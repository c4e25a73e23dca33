//! The events of a job.

use crate::decision::Clearance;
use crate::id::{Principal, WorkerId};
use crate::job::Version;
use crate::state::{Attempt, Denial, Failure, Hold, Lease, StateName, Target};
use crate::time::Timestamp;

/// The times that a worker measured, in milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Timings {
    /// From accepting the job to starting it, including the fetch of its context and the wait for a
    /// slot.
    pub wait_ms: u64,
    /// The running time.
    pub run_ms: u64,
}

/// An event of a job. Folding a job's events over its acceptance gives its state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// The job was accepted. This is the first entry of every log.
    Accepted,
    /// The safety kernel allowed it.
    Cleared { clearance: Clearance },
    /// The safety kernel denied it.
    Denied { denial: Denial },
    /// The job has to wait.
    Held { hold: Hold },
    /// The reason for waiting no longer applies.
    Released,
    /// A person approved it.
    Approved { by: Principal },
    /// A person rejected it.
    Rejected { by: Principal, reason: String },
    /// The scheduler chose a worker and created a lease.
    Scheduled { lease: Lease, target: Target },
    /// The bus accepted the assignment.
    Dispatched { lease: Lease },
    /// A worker started it.
    Started { lease: Lease, worker: WorkerId },
    /// The job was not run and returns to the queue, because the worker shuts down or the scheduler
    /// stopped before sending it.
    Returned { lease: Lease },
    /// The worker has finished, and its draft becomes the result.
    Succeeded { lease: Lease, timings: Timings },
    /// The attempt failed on the worker, or the worker stopped responding or ran too long.
    Failed { lease: Lease, failure: Failure },
    /// The caller's deadline has passed.
    Expired,
    /// A caller cancelled it.
    Cancelled { reason: String },
}

impl Event {
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Cleared { .. } => "cleared",
            Self::Denied { .. } => "denied",
            Self::Held { .. } => "held",
            Self::Released => "released",
            Self::Approved { .. } => "approved",
            Self::Rejected { .. } => "rejected",
            Self::Scheduled { .. } => "scheduled",
            Self::Dispatched { .. } => "dispatched",
            Self::Started { .. } => "started",
            Self::Returned { .. } => "returned",
            Self::Succeeded { .. } => "succeeded",
            Self::Failed { .. } => "failed",
            Self::Expired => "expired",
            Self::Cancelled { .. } => "cancelled",
        }
    }

    /// Returns the lease of the event, for events that carry one.
    #[must_use]
    pub fn lease(&self) -> Option<Lease> {
        match self {
            Self::Scheduled { lease, .. }
            | Self::Dispatched { lease }
            | Self::Started { lease, .. }
            | Self::Returned { lease }
            | Self::Succeeded { lease, .. }
            | Self::Failed { lease, .. } => Some(*lease),
            _ => None,
        }
    }
}

/// One entry of a job's log: the event and the resulting state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    pub version: Version,
    pub attempt: Attempt,
    pub at: Timestamp,
    pub state: StateName,
    pub event: Event,
}
