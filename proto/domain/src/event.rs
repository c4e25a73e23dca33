//! What may happen to a job.

use crate::decision::Clearance;
use crate::id::{Principal, WorkerId};
use crate::job::Version;
use crate::state::{Attempt, Denial, Failure, Hold, Lease, StateName, Target};
use crate::time::Timestamp;

/// Times a worker took, in milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Timings {
    /// From taking the job to starting it: fetching its context, waiting for a slot.
    pub wait_ms: u64,
    /// The run itself.
    pub run_ms: u64,
}

/// Something that happened to a job. Folding a job's events over its acceptance gives its state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// It was taken in; the first entry of every log.
    Accepted,
    /// The safety kernel let it pass.
    Cleared { clearance: Clearance },
    /// The safety kernel refused it.
    Denied { denial: Denial },
    /// It has to wait.
    Held { hold: Hold },
    /// What it waited for is there.
    Released,
    /// A person approved it.
    Approved { by: Principal },
    /// A person refused it.
    Rejected { by: Principal, reason: String },
    /// A place was chosen and a lease made.
    Scheduled { lease: Lease, target: Target },
    /// The bus took it.
    Dispatched { lease: Lease },
    /// A worker runs it.
    Started { lease: Lease, worker: WorkerId },
    /// It was not run and goes back: the worker shuts down, or the scheduler stopped before sending it.
    Returned { lease: Lease },
    /// The worker is done; its draft becomes the result.
    Succeeded { lease: Lease, timings: Timings },
    /// The attempt failed: on the worker, or because the worker fell silent or ran too long.
    Failed { lease: Lease, failure: Failure },
    /// The caller's deadline passed.
    Expired,
    /// Somebody cancelled it.
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

    /// The lease it was reported under, for events that need one.
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

/// One line of a job's log: the event, and the state it led to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    pub version: Version,
    pub attempt: Attempt,
    pub at: Timestamp,
    pub state: StateName,
    pub event: Event,
}
