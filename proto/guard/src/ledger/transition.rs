//! The transition of a job at the edge.

use std::time::Duration;

use cortex_domain::id::JobId;
use cortex_domain::state::StateName;
use cortex_domain::time::Timestamp;

use super::{Ending, HeldBody, LedgerEvent, LedgerJob, LedgerPlace, backoff};

/// How long the queue has to bring a new job to the origin before the ledger sends it itself.
pub const QUEUE_HEAD_START: Duration = Duration::from_secs(3);
/// How long a sender has before its attempt counts as lost. It must be longer than an attempt may take.
pub const SEND_LEASE: Duration = Duration::from_secs(12);

/// What an event changed: the job as it is now, and what is to be done once that is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    pub job: LedgerJob,
    pub effects: Vec<Effect>,
}

/// What follows a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// So many bytes of bodies are held no longer, nor is the job.
    FreeBytes(u64),
    /// The body that lies outside the ledger can go.
    DeleteOffloadedBody,
    /// The ledger's alarm must go off at this time or before.
    SendAgainAt(Timestamp),
    /// The origin is there: all jobs that wait for it are to hear [`LedgerEvent::Woken`].
    WakeWaiting,
}

/// Why an event changes nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Rejected {
    #[error("the job does not wait for the origin")]
    NotHeld,
    #[error("a sender has the job")]
    BeingSent,
    #[error("the sender's lease is not the one under which the job is sent")]
    StaleLease,
    #[error("the origin has the job")]
    AtOrigin,
    #[error("the job ended before the origin took it")]
    Ended,
    #[error("the report is older than what is known")]
    OldReport,
    #[error("the job goes on at the origin, though its caller cancelled it at the edge")]
    CancelledHere,
}

/// Returns the first step of a job that the ledger accepts.
#[must_use]
pub fn accept(id: JobId, body: HeldBody, now: Timestamp) -> Step {
    waiting(id, now, body, 0, now.after(QUEUE_HEAD_START))
}

/// Returns what an event changes in a job. The caller writes the job and then performs the effects.
///
/// # Errors
/// Returns why the event changes nothing. The job is to be left as it is.
pub fn apply(job: &LedgerJob, event: LedgerEvent, now: Timestamp) -> Result<Step, Rejected> {
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

/// Gives a job to one sender. Another may have it once the lease of the one before has lapsed.
fn take(job: &LedgerJob, now: Timestamp) -> Result<Step, Rejected> {
    let (body, failed) = match &job.place {
        LedgerPlace::Waiting { body, failed, .. } => (*body, *failed),
        LedgerPlace::Sending { body, failed, lease } if *lease <= now => (*body, *failed),
        LedgerPlace::Sending { .. } => return Err(Rejected::BeingSent),
        LedgerPlace::AtOrigin { .. } | LedgerPlace::Ended(_) => return Err(gone(job)),
    };
    let lease = now.after(SEND_LEASE);
    let job = LedgerJob { place: LedgerPlace::Sending { body, failed, lease }, ..*job };
    Ok(Step { job, effects: vec![Effect::SendAgainAt(lease)] })
}

/// Takes over what the origin reports. An origin that reports on a job has it, even if the answer by which it accepted the
/// job was lost.
fn report(job: &LedgerJob, version: u64, state: StateName, at: Timestamp) -> Result<Step, Rejected> {
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

/// Returns what is sent under a lease.
fn sent_under(job: &LedgerJob, by: Timestamp) -> Result<(HeldBody, u32), Rejected> {
    match &job.place {
        LedgerPlace::Sending { body, failed, lease } if *lease == by => Ok((*body, *failed)),
        LedgerPlace::Sending { .. } | LedgerPlace::Waiting { .. } => Err(Rejected::StaleLease),
        LedgerPlace::AtOrigin { .. } | LedgerPlace::Ended(_) => Err(gone(job)),
    }
}

/// Returns why a job that the ledger holds no longer can't change here.
fn gone(job: &LedgerJob) -> Rejected {
    match job.place {
        LedgerPlace::AtOrigin { .. } => Rejected::AtOrigin,
        _ => Rejected::Ended,
    }
}

fn waiting(id: JobId, updated: Timestamp, body: HeldBody, failed: u32, due: Timestamp) -> Step {
    let place = LedgerPlace::Waiting { body, failed, due };
    Step { job: LedgerJob { id, updated, place }, effects: vec![Effect::SendAgainAt(due)] }
}

fn at_origin(id: JobId, updated: Timestamp, origin_id: JobId, state: StateName, version: u64) -> Step {
    let place = LedgerPlace::AtOrigin { origin_id, state, version };
    Step { job: LedgerJob { id, updated, place }, effects: vec![] }
}

fn ended(id: JobId, body: HeldBody, ending: Ending, now: Timestamp) -> Step {
    Step { job: LedgerJob { id, updated: now, place: LedgerPlace::Ended(ending) }, effects: free(body) }
}

fn free(body: HeldBody) -> Vec<Effect> {
    let mut effects = vec![Effect::FreeBytes(body.bytes)];
    effects.extend(body.offloaded.then_some(Effect::DeleteOffloadedBody));
    effects
}
