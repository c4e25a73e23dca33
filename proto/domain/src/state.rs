//! The states of a job. Each carries what is true only in it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::error::ErrorCode;
use crate::id::{DispatchId, ParseError, Pool, WorkerId};
use crate::pointer::Pointer;
use crate::time::Timestamp;

/// Which try at a job this is: 0 before the first dispatch, then 1, 2, ...
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Attempt(pub u32);

impl Attempt {
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// The right to report on a job: one dispatch of one attempt. A report under any other lease is stale.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Lease {
    pub attempt: Attempt,
    pub dispatch: DispatchId,
}

/// Where a dispatch goes.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Target {
    /// One worker, on `worker.<id>.jobs`.
    Worker(WorkerId),
    /// Whichever worker of the pool takes it first, on the topic's own subject.
    Pool(Pool),
}

/// Why a pending job waits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Hold {
    /// It does not: it is to be cleared and placed now.
    Ready,
    /// A person has to approve it; names the rule that says so, and why.
    Approval { denial: Denial },
    /// The safety kernel slows its tenant down.
    Throttled { until: Timestamp },
    /// It was asked for later, or a retry backs off.
    NotBefore { at: Timestamp },
    /// No worker has room.
    NoCapacity,
}

impl Hold {
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Approval { .. } => "approval",
            Self::Throttled { .. } => "throttled",
            Self::NotBefore { .. } => "not_before",
            Self::NoCapacity => "no_capacity",
        }
    }

    /// When the hold ends by itself, if it does.
    #[must_use]
    pub fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Throttled { until: at } | Self::NotBefore { at } => Some(*at),
            Self::Ready | Self::Approval { .. } | Self::NoCapacity => None,
        }
    }
}

/// What kind of thing went wrong on a worker.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FailureKind {
    /// The input can't be worked on; another try would end the same.
    InvalidInput,
    /// The worker or its model broke.
    Broken,
    /// The worker had no room left.
    Overloaded,
    /// The lease lapsed: the worker fell silent.
    Silent,
    /// The run took longer than its topic may.
    Overran,
}

impl FailureKind {
    pub const ALL: [Self; 5] =
        [Self::InvalidInput, Self::Broken, Self::Overloaded, Self::Silent, Self::Overran];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid_input",
            Self::Broken => "broken",
            Self::Overloaded => "overloaded",
            Self::Silent => "silent",
            Self::Overran => "overran",
        }
    }

    /// Returns what a failure with a code means for the job's further attempts.
    #[must_use]
    pub fn of(code: ErrorCode) -> Self {
        match code {
            ErrorCode::MalformedJson
            | ErrorCode::TooDeep
            | ErrorCode::InvalidRequest
            | ErrorCode::Unauthenticated
            | ErrorCode::Denied
            | ErrorCode::NotFound
            | ErrorCode::MethodNotAllowed
            | ErrorCode::Conflict
            | ErrorCode::StreamGone
            | ErrorCode::TooLarge
            | ErrorCode::UnsupportedMediaType
            | ErrorCode::UnknownTopic
            | ErrorCode::UnknownModel
            | ErrorCode::SecretInInput
            | ErrorCode::IdempotencyMismatch
            | ErrorCode::HeadersTooLarge => Self::InvalidInput,
            ErrorCode::Overloaded => Self::Overloaded,
            ErrorCode::Timeout => Self::Overran,
            ErrorCode::SlowReader
            | ErrorCode::Internal
            | ErrorCode::WorkerFailed
            | ErrorCode::OriginAway
            | ErrorCode::Unavailable
            | ErrorCode::StorageFull => Self::Broken,
        }
    }

    /// Returns the code of a failure of which nothing more is known.
    #[must_use]
    pub fn code(self) -> ErrorCode {
        match self {
            Self::InvalidInput => ErrorCode::InvalidRequest,
            Self::Overloaded => ErrorCode::Overloaded,
            Self::Broken | Self::Silent | Self::Overran => ErrorCode::WorkerFailed,
        }
    }

    /// Whether another attempt may end better.
    #[must_use]
    pub fn may_retry(self) -> bool {
        self != Self::InvalidInput
    }
}

/// What went wrong, in words for the caller.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Failure {
    /// What it means for further attempts.
    pub kind: FailureKind,
    /// What the caller is told.
    pub code: ErrorCode,
    pub detail: String,
    /// The parameter of the request that is at fault, if one is.
    pub parameter: Option<String>,
    /// When another try may end better, if the worker knows.
    pub retry_after: Option<Duration>,
}

impl Failure {
    #[must_use]
    pub fn new(kind: FailureKind, detail: impl Into<String>) -> Self {
        Self { kind, code: kind.code(), detail: detail.into(), parameter: None, retry_after: None }
    }

    /// Makes the failure that a code stands for.
    #[must_use]
    pub fn coded(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self { code, ..Self::new(FailureKind::of(code), detail) }
    }

    /// Names the parameter of the request that is at fault.
    #[must_use]
    pub fn at(self, parameter: impl Into<String>) -> Self {
        Self { parameter: Some(parameter.into()), ..self }
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }
}

/// What ran out.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Exhausted {
    /// The caller's own deadline.
    Deadline,
    /// The attempts, the last of which fell silent or overran.
    Attempts,
}

/// Why the safety kernel refused.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Denial {
    /// The rule that refused.
    pub rule: String,
    /// For the caller.
    pub reason: String,
}

/// Where a job stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum State {
    Pending { hold: Hold },
    Scheduled { lease: Lease, target: Target },
    Dispatched { lease: Lease, target: Target },
    Running { lease: Lease, worker: WorkerId, since: Timestamp },
    Succeeded { result: Pointer },
    Failed { failure: Failure },
    Cancelled { reason: String },
    TimedOut { exhausted: Exhausted },
    Denied { denial: Denial },
}

impl State {
    #[must_use]
    pub fn name(&self) -> StateName {
        match self {
            Self::Pending { .. } => StateName::Pending,
            Self::Scheduled { .. } => StateName::Scheduled,
            Self::Dispatched { .. } => StateName::Dispatched,
            Self::Running { .. } => StateName::Running,
            Self::Succeeded { .. } => StateName::Succeeded,
            Self::Failed { .. } => StateName::Failed,
            Self::Cancelled { .. } => StateName::Cancelled,
            Self::TimedOut { .. } => StateName::Timeout,
            Self::Denied { .. } => StateName::Denied,
        }
    }

    #[must_use]
    pub fn is_terminal(&self) -> bool {
        self.name().is_terminal()
    }

    /// The lease under which a worker may report now.
    #[must_use]
    pub fn lease(&self) -> Option<Lease> {
        match self {
            Self::Scheduled { lease, .. } | Self::Dispatched { lease, .. } | Self::Running { lease, .. } => {
                Some(*lease)
            }
            _ => None,
        }
    }

    /// The worker that holds the job, where it is known.
    #[must_use]
    pub fn worker(&self) -> Option<&WorkerId> {
        match self {
            Self::Scheduled { target: Target::Worker(id), .. }
            | Self::Dispatched { target: Target::Worker(id), .. } => Some(id),
            Self::Running { worker, .. } => Some(worker),
            _ => None,
        }
    }
}

macro_rules! state_names {
    ($($variant:ident $text:literal $code:literal,)*) => {
        /// A state's name, as it stands in the API and in the store's index.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        pub enum StateName { $($variant,)* }

        impl StateName {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The number that stands for it in storage and on the wire; never reused.
            #[must_use]
            pub fn code(self) -> u8 {
                match self { $(Self::$variant => $code,)* }
            }

            #[must_use]
            pub fn from_code(code: u8) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }
        }

        impl FromStr for StateName {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, ParseError> {
                match text {
                    $($text => Ok(Self::$variant),)*
                    _ => Err(ParseError { what: "state", reason: concat!("it is one of", $(" ", $text,)*) }),
                }
            }
        }
    };
}

state_names! {
    Pending "PENDING" 1,
    Scheduled "SCHEDULED" 2,
    Dispatched "DISPATCHED" 3,
    Running "RUNNING" 4,
    Succeeded "SUCCEEDED" 5,
    Failed "FAILED" 6,
    Cancelled "CANCELLED" 7,
    Timeout "TIMEOUT" 8,
    Denied "DENIED" 9,
}

impl StateName {
    #[must_use]
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Pending | Self::Scheduled | Self::Dispatched | Self::Running => false,
            Self::Succeeded | Self::Failed | Self::Cancelled | Self::Timeout | Self::Denied => true,
        }
    }
}

#[cfg(feature = "schema")]
crate::inline_schema!(StateName, {
    let names: Vec<_> = Self::ALL.iter().map(|state| state.as_str()).collect();
    schemars::json_schema!({"type": "string", "enum": names})
});

impl fmt::Display for StateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
