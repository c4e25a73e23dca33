//! From the queue to a worker, as long as somebody has room.

use std::sync::Arc;
use std::time::Duration;

use cortex_domain::job::Durability;
use cortex_domain::ports::Answer;

use crate::board::Turn;
use crate::core::Core;
use crate::{call, intake, run};

/// A clearance older than this is not acted on: the policies may have changed.
const STALE: Duration = Duration::from_secs(5);

/// Places every job that can be placed. Boxed, since placing may lead back here.
pub(crate) fn pump(core: &Arc<Core>) -> Answer<'_, ()> {
    Box::pin(async move {
        let topics = core.board().waiting.topics();
        for topic in topics {
            loop {
                let turn = core.board().next(&topic, &core.settings, Core::new_dispatch());
                let Some(turn) = turn else { break };
                place(core, turn).await;
            }
        }
    })
}

async fn place(core: &Arc<Core>, turn: Turn) {
    let job = turn.ticket.cleared.job();
    let (id, durability) = (job.id(), job.durability);
    let stale = core.uptime().since(turn.ticket.since) > STALE;
    match durability {
        Durability::Ephemeral => {
            core.board().moving.remove(&id);
            if stale {
                core.board().fleet.end(turn.dispatch);
                let core = core.clone();
                core.tasks.clone().spawn(async move { call::judge(&core, id).await });
            } else {
                call::place(core, turn).await;
            }
        }
        Durability::Durable => {
            let core = core.clone();
            core.tasks.clone().spawn(async move {
                if stale {
                    core.board().fleet.end(turn.dispatch);
                    core.board().moving.remove(&id);
                    intake::submit(&core, id).await;
                } else {
                    run::place(core, turn).await;
                }
            });
        }
    }
}
