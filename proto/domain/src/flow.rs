//! One type for each step of the flow. Each consumes the previous one, so steps can't be skipped:
//! `Submission -> Accepted -> Cleared -> Placed`, and an `Outcome` in return.

use crate::decision::Clearance;
use crate::event::{Entry, Event, Timings};
use crate::id::WorkerId;
use crate::job::{Durability, Job, Request};
use crate::pointer::{Memory, Pointer};
use crate::state::{Failure, Hold, Lease, State, Target};
use crate::time::Timestamp;
use crate::transition::{Change, Rejected};

/// A request that passed authentication and the precheck, with a new id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Submission {
    pub request: Request,
    /// The input as the caller's JSON.
    pub input: Vec<u8>,
}

/// An accepted job that waits for the safety kernel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Accepted(Job);

/// The job is not waiting to be placed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the job is {0}, not waiting to be placed")]
pub struct NotWaiting(pub &'static str);

impl Accepted {
    /// Creates a synchronous call, which exists in memory only.
    #[must_use]
    pub fn ephemeral(request: Request, memory: Memory) -> Self {
        Self(Job::accepted(request, Durability::Ephemeral, memory))
    }

    /// Accepts a job that was read from the store or from memory.
    ///
    /// # Errors
    /// Returns an error unless the job is ready to be placed.
    pub fn recalled(job: Job) -> Result<Self, NotWaiting> {
        match &job.state {
            State::Pending { hold: Hold::Ready | Hold::NoCapacity } => Ok(Self(job)),
            State::Pending { hold } => Err(NotWaiting(hold.name())),
            state => Err(NotWaiting(state.name().as_str())),
        }
    }

    #[must_use]
    pub fn job(&self) -> &Job {
        &self.0
    }

    #[must_use]
    pub fn into_job(self) -> Job {
        self.0
    }
}

/// A job that the safety kernel allowed. Only [`crate::policy::clear`] creates it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cleared {
    job: Job,
    clearance: Clearance,
}

impl Cleared {
    pub(crate) fn new(accepted: Accepted, clearance: Clearance) -> Self {
        Self { job: accepted.0, clearance }
    }

    #[must_use]
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// Returns the job without its clearance.
    #[must_use]
    pub fn into_job(self) -> Job {
        self.job
    }

    /// Assigns a target and a lease.
    ///
    /// # Errors
    /// Returns an error if the lease does not belong to the job's next attempt.
    pub fn place(self, target: Target, lease: Lease, now: Timestamp) -> Result<Placed, Rejected> {
        let assignment = Assignment {
            job: self.job.id(),
            lease,
            target: target.clone(),
            context: self.job.context(),
            draft: Pointer::draft(self.job.memory, self.job.id(), lease.dispatch),
            request: self.job.request.clone(),
        };
        let change = Change::of(self.job)
            .then(Event::Cleared { clearance: self.clearance }, now)?
            .then(Event::Scheduled { lease, target }, now)?;
        Ok(Placed { change, assignment })
    }
}

/// A job with a target: the change to commit, and the assignment to send once it is committed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Placed {
    change: Change,
    assignment: Assignment,
}

impl Placed {
    #[must_use]
    pub fn job(&self) -> &Job {
        self.change.job()
    }

    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        self.change.entries()
    }

    #[must_use]
    pub fn into_parts(self) -> (Change, Assignment) {
        (self.change, self.assignment)
    }
}

/// What the scheduler sends to a worker. Only a [`Placed`] job creates one, so nothing reaches a
/// worker without the safety kernel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Assignment {
    job: crate::id::JobId,
    lease: Lease,
    target: Target,
    context: Pointer,
    draft: Pointer,
    request: Request,
}

impl Assignment {
    #[must_use]
    pub fn job(&self) -> crate::id::JobId {
        self.job
    }

    #[must_use]
    pub fn lease(&self) -> Lease {
        self.lease
    }

    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Returns the pointer to the input.
    #[must_use]
    pub fn context(&self) -> Pointer {
        self.context
    }

    /// Returns the pointer to which the worker writes its answer.
    #[must_use]
    pub fn draft(&self) -> Pointer {
        self.draft
    }

    #[must_use]
    pub fn request(&self) -> &Request {
        &self.request
    }
}

/// A worker's report on a job, under its lease.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    pub job: crate::id::JobId,
    pub lease: Lease,
    pub worker: WorkerId,
    pub end: End,
}

/// How a dispatch ended on the worker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// The draft holds the answer.
    Succeeded {
        timings: Timings,
    },
    Failed {
        failure: Failure,
    },
    /// The job was not run and returns to the queue, for example because the worker shuts down.
    Returned,
}

impl Outcome {
    #[must_use]
    pub fn event(self) -> Event {
        match self.end {
            End::Succeeded { timings } => Event::Succeeded { lease: self.lease, timings },
            End::Failed { failure } => Event::Failed { lease: self.lease, failure },
            End::Returned => Event::Returned { lease: self.lease },
        }
    }
}
