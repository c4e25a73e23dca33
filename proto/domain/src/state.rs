//! The states of a job. Each state carries the data that exists only in it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::error::ErrorCode;
use crate::id::{DispatchId, ParseError, Pool, WorkerId};
use crate::pointer::Pointer;
use crate::time::Timestamp;

/// The number of an attempt: 0 before the first dispatch, then 1, 2, ...
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Attempt(pub u32);

impl Attempt {
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// The right to report on a job: one dispatch of one attempt. A report under another lease is
/// stale.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Lease {
    pub attempt: Attempt,
    pub dispatch: DispatchId,
}

/// The destination of a dispatch.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Target {
    /// One worker, on `worker.<id>.jobs`.
    Worker(WorkerId),
    /// The worker of the pool that takes it first, on the topic's own subject.
    Pool(Pool),
}

/// Why a pending job waits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Hold {
    /// The job does not wait. It can be cleared and placed now.
    Ready,
    /// A person must approve the job. Names the rule and its reason.
    Approval { denial: Denial },
    /// The safety kernel throttles the tenant.
    Throttled { until: Timestamp },
    /// The caller asked for a later start, or a retry backs off.
    NotBefore { at: Timestamp },
    /// No worker has free capacity.
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

    /// Returns when the hold ends by itself, if it does.
    #[must_use]
    pub fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Throttled { until: at } | Self::NotBefore { at } => Some(*at),
            Self::Ready | Self::Approval { .. } | Self::NoCapacity => None,
        }
    }
}

/// The kinds of failure on a worker.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FailureKind {
    /// The input is invalid, and another attempt would fail as well.
    InvalidInput,
    /// The worker or its model failed.
    Broken,
    /// The worker had no capacity left.
    Overloaded,
    /// The lease expired because the worker stopped responding.
    Silent,
    /// The run exceeded the time limit of its topic.
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

    /// Returns the kind of a failure with the given code.
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

    /// Returns the default code of the kind.
    #[must_use]
    pub fn code(self) -> ErrorCode {
        match self {
            Self::InvalidInput => ErrorCode::InvalidRequest,
            Self::Overloaded => ErrorCode::Overloaded,
            Self::Broken | Self::Silent | Self::Overran => ErrorCode::WorkerFailed,
        }
    }

    /// Returns whether another attempt may succeed.
    #[must_use]
    pub fn may_retry(self) -> bool {
        self != Self::InvalidInput
    }
}

/// A failure with a description for the caller.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Failure {
    /// The kind, which decides about further attempts.
    pub kind: FailureKind,
    /// The error code for the caller.
    pub code: ErrorCode,
    pub detail: String,
    /// The invalid parameter of the request, if there is one.
    pub parameter: Option<String>,
    /// When another attempt may succeed, if the worker knows.
    pub retry_after: Option<Duration>,
}

impl Failure {
    #[must_use]
    pub fn new(kind: FailureKind, detail: impl Into<String>) -> Self {
        Self { kind, code: kind.code(), detail: detail.into(), parameter: None, retry_after: None }
    }

    /// Creates a failure from its code.
    #[must_use]
    pub fn coded(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self { code, ..Self::new(FailureKind::of(code), detail) }
    }

    /// Names the invalid parameter of the request.
    #[must_use]
    pub fn at(self, parameter: impl Into<String>) -> Self {
        Self { parameter: Some(parameter.into()), ..self }
    }

    /// Sets when to try again.
    #[must_use]
    pub fn retry_after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }
}

/// The limit that a job has exhausted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Exhausted {
    /// The caller's deadline.
    Deadline,
    /// The number of attempts. The last one stopped responding or ran too long.
    Attempts,
}

/// A denial by the safety kernel.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Denial {
    /// The rule that denied the job.
    pub rule: String,
    /// The reason, for the caller.
    pub reason: String,
}

/// The state of a job.
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

    /// Returns the lease under which a worker may report now.
    #[must_use]
    pub fn lease(&self) -> Option<Lease> {
        match self {
            Self::Scheduled { lease, .. } | Self::Dispatched { lease, .. } | Self::Running { lease, .. } => {
                Some(*lease)
            }
            _ => None,
        }
    }

    /// Returns the worker that holds the job, if known.
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
        /// The name of a state in the API and in the store's index.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        pub enum StateName { $($variant,)* }

        impl StateName {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// Returns the number of the state in storage and on the wire. Numbers are never
            /// reused.
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
                    _ => Err(ParseError { what: "state", reason: concat!("must be one of", $(" ", $text,)*) }),
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
