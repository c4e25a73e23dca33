//! A synchronous call. The caller sends a request, and the reply comes once the job has ended.

use std::fmt;
use std::str::FromStr;

use crate::id::ParseError;
use crate::job::Job;
use crate::pointer::Pointer;

/// The scheduler's reply to a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CallReply {
    /// The job has ended.
    Ended {
        job: Box<Job>,
        /// The pointer to the answer, if the job succeeded.
        answer: Option<Pointer>,
    },
    /// The caller stopped waiting, and the job is durable from now on.
    Kept { job: Box<Job> },
    /// The scheduler rejected or abandoned the call. If it was attempted, the store has its
    /// history, which ends with its cancellation. Otherwise nothing was run.
    Refused(CallRefusal),
}

/// Why the scheduler rejected or abandoned a call.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CallRefusal {
    /// There are too many calls.
    Overloaded,
    /// The tenant has too many calls. Calls of other tenants are still accepted.
    Crowded,
    /// The caller stopped waiting, and the tenant has no storage left for a durable job.
    StorageFull,
    /// The scheduler is shutting down.
    Stopping,
    /// The safety kernel is unreachable, and no call or attempt may run without its decision.
    Unjudged,
    /// Another scheduler owns the tenant's share. Nothing was run.
    Moved,
    /// The scheduler failed.
    Internal,
}

impl CallRefusal {
    pub const ALL: [Self; 7] = [
        Self::Overloaded,
        Self::Crowded,
        Self::StorageFull,
        Self::Stopping,
        Self::Unjudged,
        Self::Moved,
        Self::Internal,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Overloaded => "overloaded",
            Self::Crowded => "crowded",
            Self::StorageFull => "storage-full",
            Self::Stopping => "stopping",
            Self::Unjudged => "unjudged",
            Self::Moved => "moved",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for CallRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for CallRefusal {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let known = Self::ALL.into_iter().find(|refusal| refusal.as_str() == text);
        known.ok_or(ParseError {
            what: "refusal",
            reason: "must be `overloaded`, `crowded`, `storage-full`, `stopping`, `unjudged`, \
                `moved` or `internal`",
        })
    }
}
