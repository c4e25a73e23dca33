//! What time alone brings about.

use std::sync::Arc;
use std::time::Duration;

use cortex_domain::event::Event;
use cortex_domain::job::Durability;
use cortex_domain::state::{Failure, FailureKind, Hold, State};

use crate::board::Call;
use crate::core::Core;
use crate::{call, intake, report};

/// How often to look. A turn pays for a run as long as this, and a longer one is charged another each time.
const EVERY: Duration = Duration::from_millis(100);
/// Jobs of one sort that are brought on their way at one look, so that many at once don't fill the store's queue.
const AT_ONCE: usize = 256;
/// A call open for longer has nobody who waits for it: word that its caller left was lost.
const ABANDONED: Duration = Duration::from_secs(120);
/// How long a job waits for room before that is noted.
const PATIENCE: Duration = Duration::from_secs(1);

/// Runs until the scheduler stops.
pub(crate) async fn run(core: Arc<Core>) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = core.stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        lapse(&core).await;
        wake(&core);
        expire(&core).await;
        note_waiting(&core);
        core.board().charge();
    }
}

/// Ends the leases of workers that fell silent, and runs that take too long.
async fn lapse(core: &Arc<Core>) {
    let overdue = core.board().fleet.overdue(core.settings.lease, core.uptime());
    for (held, kind) in overdue {
        let detail = match kind {
            FailureKind::Overran => "the run took longer than its topic may",
            _ => "the worker fell silent",
        };
        tracing::info!(job = %held.job, worker = %held.worker, "{detail}");
        let failure = Failure::new(kind, detail);
        report::happened(core, held.job, Event::Failed { lease: held.lease, failure }, held.worker).await;
    }
}

/// Brings back the jobs whose time has come. Nothing here waits for the safety kernel.
fn wake(core: &Arc<Core>) {
    let due = core.board().waiting.due(core.now(), AT_ONCE);
    for job in due {
        let core = core.clone();
        core.tasks.clone().spawn(async move {
            if core.board().calls.contains(job) {
                call::resume(&core, job).await;
            } else {
                intake::submit(&core, job).await;
            }
        });
    }
}

/// Ends the queued jobs and the calls whose own deadline has passed, and calls that nobody waits for.
async fn expire(core: &Arc<Core>) {
    let now = core.now();
    let expired = core.board().waiting.expired(now, AT_ONCE);
    for ticket in expired {
        let job = ticket.cleared.job();
        match job.durability {
            Durability::Ephemeral => call::happened(core, job.id(), Event::Expired, None).await,
            Durability::Durable => {
                let (core, job) = (core.clone(), job.id());
                core.tasks.clone().spawn(async move { intake::submit(&core, job).await });
            }
        }
    }
    let why = |call: &Call| {
        if call.job.request.limits.deadline.is_some_and(|deadline| deadline <= now) {
            Some(Event::Expired)
        } else if core.uptime().since(call.since) > ABANDONED {
            Some(Event::Cancelled { reason: "the caller left".into() })
        } else {
            None
        }
    };
    let calls: Vec<_> =
        core.board().calls.iter().filter_map(|call| Some((call.job.id(), why(call)?))).collect();
    for (job, event) in calls {
        call::happened(core, job, event, None).await;
    }
}

/// Notes of jobs that have waited a while that nobody has room for them.
fn note_waiting(core: &Arc<Core>) {
    let now = core.uptime();
    let waited = {
        let mut board = core.board();
        let waited = board.waiting.take_if(AT_ONCE, |ticket| {
            let job = ticket.cleared.job();
            job.durability == Durability::Durable
                && matches!(job.state, State::Pending { hold: Hold::Ready })
                && now.since(ticket.since) > PATIENCE
        });
        board.moving.extend(waited.iter().map(|ticket| ticket.cleared.job().id()));
        waited
    };
    for ticket in waited {
        let core = core.clone();
        core.tasks.clone().spawn(async move { intake::hold_for_capacity(&core, ticket).await });
    }
}
