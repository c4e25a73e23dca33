//! What time alone brings about.

use std::sync::Arc;
use std::time::Duration;

use cortex_domain::event::Event;
use cortex_domain::job::Durability;
use cortex_domain::state::{Failure, FailureKind, Hold, State};

use crate::core::Core;
use crate::{call, intake, recover, report};

/// How often to look.
const EVERY: Duration = Duration::from_millis(100);
/// How often to look through the store.
const RECONCILE: Duration = Duration::from_secs(10);
/// How long a job waits for room before that is noted.
const PATIENCE: Duration = Duration::from_secs(1);

/// Runs until the scheduler stops.
pub(crate) async fn run(core: Arc<Core>) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut reconciled = core.uptime();
    loop {
        tokio::select! {
            () = core.stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        lapse(&core).await;
        wake(&core).await;
        expire(&core).await;
        note_waiting(&core);
        if core.uptime().since(reconciled) >= RECONCILE {
            reconciled = core.uptime();
            recover::reconcile(&core).await;
        }
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
        let failure = Failure { kind, detail: detail.into() };
        report::happened(core, held.job, Event::Failed { lease: held.lease, failure }, held.worker).await;
    }
}

/// Brings back the jobs whose time has come.
async fn wake(core: &Arc<Core>) {
    let due = core.board().waiting.due(core.now());
    for job in due {
        if core.board().calls.contains_key(&job) {
            call::resume(core, job).await;
        } else {
            intake::submit(core, job).await;
        }
    }
}

/// Ends the queued jobs and the calls whose own deadline has passed.
async fn expire(core: &Arc<Core>) {
    let now = core.now();
    let expired = core.board().waiting.expired(now);
    for ticket in expired {
        let job = ticket.cleared.job();
        match job.durability {
            Durability::Ephemeral => call::happened(core, job.id(), Event::Expired, None).await,
            Durability::Durable => intake::submit(core, job.id()).await,
        }
    }
    let calls: Vec<_> = {
        let board = core.board();
        let late = |call: &crate::board::Call| {
            call.job.request.limits.deadline.is_some_and(|deadline| deadline <= now)
        };
        board.calls.values().filter(|call| late(call)).map(|call| call.job.id()).collect()
    };
    for job in calls {
        call::happened(core, job, Event::Expired, None).await;
    }
}

/// Notes of jobs that have waited a while that nobody has room for them.
fn note_waiting(core: &Arc<Core>) {
    let now = core.uptime();
    let waited = {
        let mut board = core.board();
        let waited = board.waiting.take_if(|ticket| {
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
