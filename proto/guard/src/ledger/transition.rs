//! The transitions of a job at the edge.

use std::time::Duration;

use cortex_domain::id::JobId;
use cortex_domain::state::StateName;
use cortex_domain::time::Timestamp;

use super::{Ending, HeldBody, LedgerEvent, LedgerJob, LedgerPlace, backoff};

/// How long the queue may take to deliver a new job before the ledger sends it.
pub const QUEUE_HEAD_START: Duration = Duration::from_secs(3);
/// How long a sender may take before its attempt counts as lost. It must exceed the duration of an
/// attempt.
pub const SEND_LEASE: Duration = Duration::from_secs(12);

/// The result of an event: the changed job, and the effects to perform once it is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LedgerStep {
    pub job: LedgerJob,
    pub effects: Vec<Effect>,
}

/// An effect of a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// The ledger no longer holds the job and this number of bytes of its body.
    FreeBytes(u64),
    /// The body outside the ledger can be deleted.
    DeleteOffloadedBody,
    /// The ledger's alarm must fire at this time or earlier.
    SendAgainAt(Timestamp),
    /// The origin is reachable. All jobs that wait for it get [`LedgerEvent::Woken`].
    WakeWaiting,
}

/// Why an event changes nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Rejected {
    #[error("the job is not waiting for the origin")]
    NotHeld,
    #[error("another sender is already sending the job")]
    BeingSent,
    #[error("the sender's lease is stale")]
    StaleLease,
    #[error("the origin already has the job")]
    AtOrigin,
    #[error("the job ended before the origin accepted it")]
    Ended,
    #[error("the report is older than the known state")]
    OldReport,
    #[error("the job continues at the origin although its caller cancelled it at the edge")]
    CancelledHere,
}

/// Returns the first step of an accepted job.
#[must_use]
pub fn accept(id: JobId, body: HeldBody, now: Timestamp) -> LedgerStep {
    waiting(id, now, body, 0, now.after(QUEUE_HEAD_START))
}

/// Applies an event to a job. The caller writes the job and then performs the effects.
///
/// # Errors
/// Returns why the event changes nothing. The caller must leave the job as it is.
pub fn apply(job: &LedgerJob, event: LedgerEvent, now: Timestamp) -> Result<LedgerStep, Rejected> {
    match event {
        LedgerEvent::Taken => take(job, now),
        LedgerEvent::Accepted { origin_id } => {
            let body = job.body().ok_or_else(|| gone(job))?;
            let mut step = at_origin(job.id, job.updated, origin_id, StateName::Pending, 0);
            step.effects.extend(free(body));
            step.effects.push(Effect::WakeWaiting);
            Ok(step)
        }
        LedgerEvent::Refused { lease, error, denied } => {
            let (body, _) = sent_under(job, lease)?;
            Ok(ended(job.id, body, if denied { Ending::Denied(error) } else { Ending::Failed(error) }, now))
        }
        LedgerEvent::OriginAway { lease, random } => {
            let (body, failed) = sent_under(job, lease)?;
            let failed = failed.saturating_add(1);
            Ok(waiting(job.id, job.updated, body, failed, now.after(backoff(failed, random))))
        }
        LedgerEvent::GivenBack { lease, until } => {
            let (body, failed) = sent_under(job, lease)?;
            Ok(waiting(job.id, job.updated, body, failed.max(1), until))
        }
        LedgerEvent::Delayed { until } => match &job.place {
            LedgerPlace::Waiting { body, failed, due } if *due <= now => {
                Ok(waiting(job.id, job.updated, *body, (*failed).max(1), until))
            }
            _ => Err(Rejected::NotHeld),
        },
        LedgerEvent::Woken => match &job.place {
            LedgerPlace::Waiting { body, failed: failed @ 1.., due } if *due > now => {
                Ok(waiting(job.id, job.updated, *body, *failed, now))
            }
            _ => Err(Rejected::NotHeld),
        },
        LedgerEvent::Cancelled => match &job.place {
            LedgerPlace::Waiting { body, .. } => Ok(ended(job.id, *body, Ending::Cancelled, now)),
            LedgerPlace::Sending { .. } => Err(Rejected::BeingSent),
            LedgerPlace::AtOrigin { .. } | LedgerPlace::Ended(_) => Err(gone(job)),
        },
        LedgerEvent::StateReported { version, state, at } => report(job, version, state, at),
    }
}

/// Gives a job to one sender. Another sender may take it once that lease has expired.
fn take(job: &LedgerJob, now: Timestamp) -> Result<LedgerStep, Rejected> {
    let (body, failed) = match &job.place {
        LedgerPlace::Waiting { body, failed, .. } => (*body, *failed),
        LedgerPlace::Sending { body, failed, lease } if *lease <= now => (*body, *failed),
        LedgerPlace::Sending { .. } => return Err(Rejected::BeingSent),
        LedgerPlace::AtOrigin { .. } | LedgerPlace::Ended(_) => return Err(gone(job)),
    };
    let lease = now.after(SEND_LEASE);
    let job = LedgerJob { place: LedgerPlace::Sending { body, failed, lease }, ..*job };
    Ok(LedgerStep { job, effects: vec![Effect::SendAgainAt(lease)] })
}

/// Applies a report of the origin. An origin that reports on a job has accepted it, even if its
/// response was lost.
fn report(job: &LedgerJob, version: u64, state: StateName, at: Timestamp) -> Result<LedgerStep, Rejected> {
    match &job.place {
        LedgerPlace::Waiting { body, .. } | LedgerPlace::Sending { body, .. } => {
            let mut step = match version {
                0 => at_origin(job.id, job.updated, job.id, StateName::Pending, 0),
                _ => at_origin(job.id, at, job.id, state, version),
            };
            step.effects = free(*body);
            Ok(step)
        }
        LedgerPlace::AtOrigin { origin_id, state: known_state, version: known }
            if version > *known && !known_state.is_terminal() =>
        {
            Ok(at_origin(job.id, at, *origin_id, state, version))
        }
        LedgerPlace::AtOrigin { .. } => Err(Rejected::OldReport),
        LedgerPlace::Ended(Ending::Cancelled) if !state.is_terminal() => Err(Rejected::CancelledHere),
        LedgerPlace::Ended(_) => Err(Rejected::Ended),
    }
}

/// Returns the data of a job that is being sent under a lease.
fn sent_under(job: &LedgerJob, by: Timestamp) -> Result<(HeldBody, u32), Rejected> {
    match &job.place {
        LedgerPlace::Sending { body, failed, lease } if *lease == by => Ok((*body, *failed)),
        LedgerPlace::Sending { .. } | LedgerPlace::Waiting { .. } => Err(Rejected::StaleLease),
        LedgerPlace::AtOrigin { .. } | LedgerPlace::Ended(_) => Err(gone(job)),
    }
}

/// Returns why a job that the ledger no longer holds can't change.
fn gone(job: &LedgerJob) -> Rejected {
    match job.place {
        LedgerPlace::AtOrigin { .. } => Rejected::AtOrigin,
        _ => Rejected::Ended,
    }
}

fn waiting(id: JobId, updated: Timestamp, body: HeldBody, failed: u32, due: Timestamp) -> LedgerStep {
    let place = LedgerPlace::Waiting { body, failed, due };
    LedgerStep { job: LedgerJob { id, updated, place }, effects: vec![Effect::SendAgainAt(due)] }
}

fn at_origin(id: JobId, updated: Timestamp, origin_id: JobId, state: StateName, version: u64) -> LedgerStep {
    let place = LedgerPlace::AtOrigin { origin_id, state, version };
    LedgerStep { job: LedgerJob { id, updated, place }, effects: vec![] }
}

fn ended(id: JobId, body: HeldBody, ending: Ending, now: Timestamp) -> LedgerStep {
    LedgerStep { job: LedgerJob { id, updated: now, place: LedgerPlace::Ended(ending) }, effects: free(body) }
}

fn free(body: HeldBody) -> Vec<Effect> {
    let mut effects = vec![Effect::FreeBytes(body.bytes)];
    effects.extend(body.offloaded.then_some(Effect::DeleteOffloadedBody));
    effects
}
