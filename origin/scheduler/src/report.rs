//! What workers say: how jobs end, that they have begun, and that they themselves are there.

use std::sync::Arc;

use cortex_domain::event::Event;
use cortex_domain::id::{JobId, WorkerId};
use cortex_domain::placement::Candidate;
use cortex_domain::ports::Delivery;
use cortex_domain::state::Lease;
use cortex_domain::task::Said;
use cortex_wire::{decode_cancel, decode_heartbeat, decode_outcome, decode_progress, decode_submit};
use tokio::sync::mpsc::error::TrySendError;

use crate::board::Note;
use crate::core::Core;
use crate::pump::pump;
use crate::{call, intake, recover};

/// A job is in the store.
pub(crate) async fn submitted(core: Arc<Core>, delivery: Delivery) {
    match decode_submit(&delivery.body) {
        Ok(job) => intake::submit(&core, job).await,
        Err(error) => unreadable(&delivery, &error),
    }
}

/// A synchronous call.
pub(crate) async fn called(core: Arc<Core>, delivery: Delivery) {
    match cortex_wire::decode_call(&delivery.body) {
        Ok(request) => {
            if let Some(reply) = delivery.reply {
                call::begin(&core, request, reply).await;
            }
        }
        Err(error) => unreadable(&delivery, &error),
    }
}

/// Whoever waits for a call will wait no longer.
pub(crate) async fn to_keep(core: Arc<Core>, delivery: Delivery) {
    match decode_submit(&delivery.body) {
        Ok(job) => call::keep(&core, job).await,
        Err(error) => unreadable(&delivery, &error),
    }
}

/// Whoever waited for a call is gone.
pub(crate) async fn hung_up(core: Arc<Core>, delivery: Delivery) {
    match decode_submit(&delivery.body) {
        Ok(job) => {
            let event = Event::Cancelled { reason: "the caller left".into() };
            call::happened(&core, job, event, None).await;
        }
        Err(error) => unreadable(&delivery, &error),
    }
}

/// A worker is done with a job.
pub(crate) async fn ended(core: Arc<Core>, delivery: Delivery) {
    match decode_outcome(&delivery.body) {
        Ok(outcome) => {
            let (job, worker) = (outcome.job, outcome.worker.clone());
            happened(&core, job, outcome.event(), worker).await;
        }
        Err(error) => unreadable(&delivery, &error),
    }
}

/// A worker has begun a job, or sends a piece of its answer.
pub(crate) async fn progressed(core: Arc<Core>, delivery: Delivery) {
    match decode_progress(&delivery.body) {
        Ok(progress) if progress.what == Said::Started => {
            let (lease, worker) = (progress.lease, progress.worker);
            core.board().fleet.started(lease, core.uptime());
            let started = Event::Started { lease, worker: worker.clone() };
            happened(&core, progress.job, started, worker).await;
        }
        Ok(_) => {}
        Err(error) => unreadable(&delivery, &error),
    }
}

/// A job was taken from its worker, perhaps by somebody else than us.
pub(crate) async fn cancelled(core: Arc<Core>, delivery: Delivery) {
    match decode_cancel(&delivery.body) {
        Ok(cancel) => {
            let run = core.board().runs.get(&cancel.job).cloned();
            if let Some(run) = run {
                note(&run, cancel.job, Note::Moved).await;
            }
        }
        Err(error) => unreadable(&delivery, &error),
    }
}

/// A worker is there.
pub(crate) async fn beat(core: Arc<Core>, delivery: Delivery) {
    let heartbeat = match decode_heartbeat(&delivery.body) {
        Ok(heartbeat) => heartbeat,
        Err(error) => return unreadable(&delivery, &error),
    };
    let holds: Vec<Lease> = heartbeat.held.iter().map(|held| held.lease).collect();
    let now = core.uptime();
    let seen = Candidate {
        worker: heartbeat.worker,
        pool: heartbeat.pool,
        topics: heartbeat.topics,
        capacity: heartbeat.capacity,
        in_flight: 0,
        draining: heartbeat.draining,
        models: heartbeat.models,
        last_seen: now,
    };
    core.board().fleet.beat(seen, &holds, now);
    pump(&core).await;
}

/// Brings an event to whoever follows the job.
pub(crate) async fn happened(core: &Arc<Core>, job: JobId, event: Event, worker: WorkerId) {
    if core.board().calls.contains(job) {
        return call::happened(core, job, event, Some(&worker)).await;
    }
    let mut run = core.board().runs.get(&job).cloned();
    if run.is_none() {
        // It was dispatched before this process began, and has not been taken up yet; or it has ended.
        recover::take_up(core, job, event.lease()).await;
        run = core.board().runs.get(&job).cloned();
    }
    match run {
        Some(run) => note(&run, job, Note::Happened(event, Some(worker))).await,
        None => {
            if let Some(lease) = event.lease() {
                core.board().fleet.end(lease.dispatch);
            }
        }
    }
}

async fn note(run: &tokio::sync::mpsc::Sender<Note>, job: JobId, note: Note) {
    match run.try_send(note) {
        Ok(()) | Err(TrySendError::Closed(_)) => {}
        // Nobody reports that much of one job; what is lost here the lease repairs.
        Err(TrySendError::Full(_)) => tracing::warn!(%job, "too many reports on one job at once"),
    }
}

fn unreadable(delivery: &Delivery, error: &cortex_wire::DecodeError) {
    tracing::warn!(subject = %delivery.subject, %error, "a packet could not be read");
}
