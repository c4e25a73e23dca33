//! From the queue to a worker, as long as somebody has room.

use std::sync::Arc;
use std::time::Duration;

use cortex_domain::flow::Accepted;
use cortex_domain::job::Durability;
use cortex_domain::policy::Gate;
use cortex_domain::ports::Answer;

use crate::board::Turn;
use crate::core::Core;
use crate::waiting::Ticket;
use crate::{call, run};

/// A clearance older than this is not acted on: the policies may have changed.
const STALE: Duration = Duration::from_secs(5);

/// Places every job that can be placed. Boxed, since placing may lead back here.
pub(crate) fn pump(core: &Arc<Core>) -> Answer<'_, ()> {
    Box::pin(async move {
        let pools = core.board().waiting.pools();
        for pool in pools {
            loop {
                let turn = core.board().next(&pool, Core::new_dispatch());
                let Some(turn) = turn else { break };
                place(core, turn).await;
            }
        }
    })
}

async fn place(core: &Arc<Core>, turn: Turn) {
    let job = turn.ticket.cleared.job();
    let stale = core.uptime().since(turn.ticket.since) > STALE;
    match job.durability {
        Durability::Ephemeral => {
            core.board().moving.remove(&job.id());
            if stale {
                core.board().fleet.end(turn.dispatch);
                let (core, id) = (core.clone(), job.id());
                core.tasks.clone().spawn(async move { call::judge(&core, id).await });
            } else {
                call::place(core, turn).await;
            }
        }
        Durability::Durable => {
            let core = core.clone();
            core.tasks.clone().spawn(async move {
                if stale { again(core, turn).await } else { run::place(core, turn).await }
            });
        }
    }
}

/// Judges a durable job again whose clearance is old, and places it on the worker that has room for it. It keeps its
/// turn: sent back, all that wait as long would be judged again for each worker that is free.
async fn again(core: Arc<Core>, turn: Turn) {
    let Turn { ticket, worker, dispatch } = turn;
    let id = ticket.cleared.job().id();
    if let Ok(accepted) = Accepted::recalled(ticket.cleared.into_job())
        && let Ok(Gate::Passed(cleared)) = core.clear(accepted).await
    {
        let ticket = Ticket { cleared, since: core.uptime() };
        return run::place(core, Turn { ticket, worker, dispatch }).await;
    }
    run::give_up(&core, id, dispatch).await;
}
