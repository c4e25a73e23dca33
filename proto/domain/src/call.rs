//! A synchronous call: asked by request and reply, and answered only once its job has ended.

use std::fmt;
use std::str::FromStr;

use crate::id::ParseError;
use crate::job::Job;
use crate::pointer::Pointer;

/// What the scheduler replies to a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CallReply {
    /// The job as it ended.
    Ended {
        job: Box<Job>,
        /// Where the answer lies, if it succeeded.
        answer: Option<Pointer>,
    },
    /// The caller would not wait longer, and the job is durable from here on.
    Kept { job: Box<Job> },
    /// The call was not taken, or was given up. If an attempt at it was made, the store has its history, in which it was
    /// cancelled; else nothing was run.
    Refused(CallRefusal),
}

/// Why a call was not taken, or was given up.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CallRefusal {
    /// There are too many calls already.
    Overloaded,
    /// The call's tenant has too many already; others' calls are taken.
    Crowded,
    /// The caller would not wait longer, and its tenant has as much in the store as it may.
    StorageFull,
    /// The scheduler is shutting down.
    Stopping,
    /// The safety kernel can't be asked about the call or another attempt at it, and without it nothing passes.
    Unjudged,
    /// The scheduler broke.
    Internal,
}

impl CallRefusal {
    pub const ALL: [Self; 6] =
        [Self::Overloaded, Self::Crowded, Self::StorageFull, Self::Stopping, Self::Unjudged, Self::Internal];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Overloaded => "overloaded",
            Self::Crowded => "crowded",
            Self::StorageFull => "storage-full",
            Self::Stopping => "stopping",
            Self::Unjudged => "unjudged",
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
            reason: "it is `overloaded`, `crowded`, `storage-full`, `stopping`, `unjudged` or `internal`",
        })
    }
}
