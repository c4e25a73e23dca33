//! States, and the parts of states and events.

use std::time::Duration;

use cortex_domain::event::Timings;
use cortex_domain::id::DispatchId;
use cortex_domain::policy::{Clearance, PolicyVersion};
use cortex_domain::state::{Attempt, Denial, Exhausted, Failure, FailureKind, Hold, Lease, State, Target};
use cortex_domain::time::Timestamp;

use crate::error::{DecodeError, MessageName, filled};
use crate::v1;
use v1::hold::{Plain, Until, Why};
use v1::state as states;

const STATE: MessageName = MessageName("State");
const LEASE: MessageName = MessageName("Lease");
const TARGET: MessageName = MessageName("Target");
const HOLD: MessageName = MessageName("Hold");
const FAILURE: MessageName = MessageName("Failure");

impl From<&State> for v1::State {
    fn from(state: &State) -> Self {
        use states::In;
        let placed = |lease: &Lease, target: &Target| states::Placed {
            lease: Some((*lease).into()),
            target: Some(target.into()),
        };
        Self {
            r#in: Some(match state {
                State::Pending { hold } => In::Pending(states::Pending { hold: Some(hold.into()) }),
                State::Scheduled { lease, target } => In::Scheduled(placed(lease, target)),
                State::Dispatched { lease, target } => In::Dispatched(placed(lease, target)),
                State::Running { lease, worker, since } => In::Running(states::Running {
                    lease: Some((*lease).into()),
                    worker: worker.to_string(),
                    since: since.as_millis(),
                }),
                State::Succeeded { result } => {
                    In::Succeeded(states::Succeeded { result: result.to_string() })
                }
                State::Failed { failure } => In::Failed(failure.into()),
                State::Cancelled { reason } => In::Cancelled(states::Cancelled { reason: reason.clone() }),
                State::TimedOut { exhausted } => {
                    In::TimedOut(states::TimedOut { exhausted: states::Exhausted::from(*exhausted).into() })
                }
                State::Denied { denial } => In::Denied(denial.into()),
            }),
        }
    }
}

impl TryFrom<v1::State> for State {
    type Error = DecodeError;

    fn try_from(state: v1::State) -> Result<Self, DecodeError> {
        use states::In;
        Ok(match STATE.required("in", state.r#in)? {
            In::Pending(pending) => Self::Pending { hold: STATE.nested("pending.hold", pending.hold)? },
            In::Scheduled(placed) => {
                let (lease, target) = read_placed(placed)?;
                Self::Scheduled { lease, target }
            }
            In::Dispatched(placed) => {
                let (lease, target) = read_placed(placed)?;
                Self::Dispatched { lease, target }
            }
            In::Running(running) => Self::Running {
                lease: STATE.nested("running.lease", running.lease)?,
                worker: STATE.text("running.worker", &running.worker)?,
                since: Timestamp::from_millis(running.since),
            },
            In::Succeeded(succeeded) => {
                Self::Succeeded { result: STATE.text("succeeded.result", &succeeded.result)? }
            }
            In::Failed(failure) => Self::Failed { failure: failure.try_into()? },
            In::Cancelled(cancelled) => Self::Cancelled { reason: cancelled.reason },
            In::TimedOut(timed_out) => Self::TimedOut {
                exhausted: states::Exhausted::try_from(timed_out.exhausted)
                    .ok()
                    .and_then(read_exhausted)
                    .ok_or_else(|| STATE.invalid("timed_out.exhausted", "must say what was exhausted"))?,
            },
            In::Denied(denial) => Self::Denied { denial: denial.into() },
        })
    }
}

fn read_placed(placed: states::Placed) -> Result<(Lease, Target), DecodeError> {
    Ok((STATE.nested("lease", placed.lease)?, STATE.nested("target", placed.target)?))
}

impl From<Exhausted> for states::Exhausted {
    fn from(exhausted: Exhausted) -> Self {
        match exhausted {
            Exhausted::Deadline => Self::Deadline,
            Exhausted::Attempts => Self::Attempts,
        }
    }
}

fn read_exhausted(exhausted: states::Exhausted) -> Option<Exhausted> {
    match exhausted {
        states::Exhausted::Unspecified => None,
        states::Exhausted::Deadline => Some(Exhausted::Deadline),
        states::Exhausted::Attempts => Some(Exhausted::Attempts),
    }
}

impl From<Lease> for v1::Lease {
    fn from(lease: Lease) -> Self {
        Self { attempt: lease.attempt.0, dispatch: lease.dispatch.as_bytes().to_vec() }
    }
}

impl TryFrom<v1::Lease> for Lease {
    type Error = DecodeError;

    fn try_from(lease: v1::Lease) -> Result<Self, DecodeError> {
        LEASE.ensure("attempt", lease.attempt > 0, "must be at least 1")?;
        Ok(Self {
            attempt: Attempt(lease.attempt),
            dispatch: LEASE.valid("dispatch", DispatchId::from_slice(&lease.dispatch))?,
        })
    }
}

impl From<&Target> for v1::Target {
    fn from(target: &Target) -> Self {
        Self {
            to: Some(match target {
                Target::Worker(id) => v1::target::To::Worker(id.to_string()),
                Target::Pool(pool) => v1::target::To::Pool(pool.to_string()),
            }),
        }
    }
}

impl TryFrom<v1::Target> for Target {
    type Error = DecodeError;

    fn try_from(target: v1::Target) -> Result<Self, DecodeError> {
        Ok(match TARGET.required("to", target.to)? {
            v1::target::To::Worker(id) => Self::Worker(TARGET.text("worker", &id)?),
            v1::target::To::Pool(pool) => Self::Pool(TARGET.text("pool", &pool)?),
        })
    }
}

impl From<&Hold> for v1::Hold {
    fn from(hold: &Hold) -> Self {
        let until = |at: &Timestamp| Until { at: at.as_millis() };
        Self {
            why: Some(match hold {
                Hold::Ready => Why::Ready(Plain {}),
                Hold::Approval { denial } => Why::Approval(denial.into()),
                Hold::Throttled { until: at } => Why::Throttled(until(at)),
                Hold::NotBefore { at } => Why::NotBefore(until(at)),
                Hold::NoCapacity => Why::NoCapacity(Plain {}),
            }),
        }
    }
}

impl TryFrom<v1::Hold> for Hold {
    type Error = DecodeError;

    fn try_from(hold: v1::Hold) -> Result<Self, DecodeError> {
        Ok(match HOLD.required("why", hold.why)? {
            Why::Ready(Plain {}) => Self::Ready,
            Why::Approval(denial) => Self::Approval { denial: denial.into() },
            Why::Throttled(Until { at }) => Self::Throttled { until: Timestamp::from_millis(at) },
            Why::NotBefore(Until { at }) => Self::NotBefore { at: Timestamp::from_millis(at) },
            Why::NoCapacity(Plain {}) => Self::NoCapacity,
        })
    }
}

impl From<&Failure> for v1::Failure {
    fn from(failure: &Failure) -> Self {
        let kind = match failure.kind {
            FailureKind::InvalidInput => v1::FailureKind::InvalidInput,
            FailureKind::Broken => v1::FailureKind::Broken,
            FailureKind::Overloaded => v1::FailureKind::Overloaded,
            FailureKind::Silent => v1::FailureKind::Silent,
            FailureKind::Overran => v1::FailureKind::Overran,
        };
        Self {
            kind: kind.into(),
            detail: failure.detail.clone(),
            parameter: failure.parameter.clone().unwrap_or_default(),
            retry_after_ms: failure.retry_after.map_or(0, millis),
            code: if failure.code == failure.kind.code() {
                String::new()
            } else {
                failure.code.slug().into()
            },
        }
    }
}

/// Returns a time in milliseconds, where 0 means none.
fn millis(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1)
}

impl TryFrom<v1::Failure> for Failure {
    type Error = DecodeError;

    fn try_from(failure: v1::Failure) -> Result<Self, DecodeError> {
        let kind = match FAILURE.valid("kind", v1::FailureKind::try_from(failure.kind))? {
            v1::FailureKind::Unspecified => return Err(FAILURE.invalid("kind", "must be specified")),
            v1::FailureKind::InvalidInput => FailureKind::InvalidInput,
            v1::FailureKind::Broken => FailureKind::Broken,
            v1::FailureKind::Overloaded => FailureKind::Overloaded,
            v1::FailureKind::Silent => FailureKind::Silent,
            v1::FailureKind::Overran => FailureKind::Overran,
        };
        let retry_after = Some(failure.retry_after_ms).filter(|ms| *ms > 0).map(Duration::from_millis);
        // An unknown code from a newer peer, or one that contradicts the kind, is ignored.
        let code = failure.code.parse().ok().filter(|code| FailureKind::of(*code) == kind);
        let code = code.unwrap_or_else(|| kind.code());
        Ok(Self { kind, code, detail: failure.detail, parameter: filled(failure.parameter), retry_after })
    }
}

impl From<&Denial> for v1::Denial {
    fn from(denial: &Denial) -> Self {
        Self { rule: denial.rule.clone(), reason: denial.reason.clone() }
    }
}

impl From<v1::Denial> for Denial {
    fn from(denial: v1::Denial) -> Self {
        Self { rule: denial.rule, reason: denial.reason }
    }
}

impl From<&Clearance> for v1::Clearance {
    fn from(clearance: &Clearance) -> Self {
        Self { policy: clearance.policy.0.clone(), rule: clearance.rule.clone() }
    }
}

impl From<v1::Clearance> for Clearance {
    fn from(clearance: v1::Clearance) -> Self {
        Self { policy: PolicyVersion(clearance.policy), rule: clearance.rule }
    }
}

impl From<Timings> for v1::Timings {
    fn from(timings: Timings) -> Self {
        Self { wait_ms: timings.wait_ms, run_ms: timings.run_ms }
    }
}

impl From<v1::Timings> for Timings {
    fn from(timings: v1::Timings) -> Self {
        Self { wait_ms: timings.wait_ms, run_ms: timings.run_ms }
    }
}
