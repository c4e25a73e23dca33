//! One type per hop. Each consumes the one before it, so that the flow can't be walked out of order:
//! `Submission -> Accepted -> Cleared -> Placed`, and an `Outcome` coming back.

use crate::decision::Clearance;
use crate::event::{Entry, Event, Timings};
use crate::id::WorkerId;
use crate::job::{Durability, Job, Request};
use crate::pointer::{Memory, Pointer};
use crate::state::{Failure, Hold, Lease, State, Target};
use crate::time::Timestamp;
use crate::transition::{Change, Rejected};

/// What came through a door: authenticated, prechecked, with its id minted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Submission {
    pub request: Request,
    /// The input, JSON as the caller wrote it.
    pub input: Vec<u8>,
}

/// A job that was taken in and waits for the safety kernel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Accepted(Job);

/// The job is not waiting to be placed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the job is {0}, not waiting to be placed")]
pub struct NotWaiting(pub &'static str);

impl Accepted {
    /// A synchronous call, held in memory alone.
    #[must_use]
    pub fn ephemeral(request: Request, memory: Memory) -> Self {
        Self(Job::accepted(request, Durability::Ephemeral, memory))
    }

    /// A job read from where it is held; only one that is ready to be placed.
    ///
    /// # Errors
    /// If it is not pending, or is held by something.
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

/// A job that the safety kernel let pass; made only by [`crate::policy::clear`].
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

    /// The job without its clearance.
    #[must_use]
    pub fn into_job(self) -> Job {
        self.job
    }

    /// Gives the job a place and a lease.
    ///
    /// # Errors
    /// If the lease is not of the job's next attempt.
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

/// A job with a place: the change to commit, and what to send once it is committed.
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

/// What a worker is sent. Nothing but a [`Placed`] job makes one, so nothing reaches a worker without
/// the safety kernel.
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

    /// Where its input lies.
    #[must_use]
    pub fn context(&self) -> Pointer {
        self.context
    }

    /// Where its answer goes.
    #[must_use]
    pub fn draft(&self) -> Pointer {
        self.draft
    }

    #[must_use]
    pub fn request(&self) -> &Request {
        &self.request
    }
}

/// A worker's report on a job, under the lease it was given.
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
    /// Its draft holds the answer.
    Succeeded {
        timings: Timings,
    },
    Failed {
        failure: Failure,
    },
    /// It was not run and goes back, e.g. because the worker shuts down.
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
