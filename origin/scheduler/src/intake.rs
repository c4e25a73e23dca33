//! Durable jobs on their way from the store to the queue.

use std::sync::Arc;
use std::time::Duration;

use cortex_domain::event::Event;
use cortex_domain::flow::Accepted;
use cortex_domain::id::JobId;
use cortex_domain::job::{Durability, Job};
use cortex_domain::policy::Gate;
use cortex_domain::ports::{CommitError, StoreError};
use cortex_domain::state::{Hold, State};
use cortex_domain::transition::Change;

use crate::core::{Core, comes_back};
use crate::pump::pump;
use crate::waiting::Ticket;

/// How long to leave a job alone that could not be judged or read.
const LATER: Duration = Duration::from_secs(1);

/// Takes in a job that is in the store: judges it and queues it. Whatever goes wrong, the job stays in the
/// store and comes back.
pub(crate) async fn submit(core: &Arc<Core>, id: JobId) {
    {
        let mut board = core.board();
        if board.knows(id) || !board.waiting.has_room() {
            return;
        }
        board.moving.insert(id);
    }
    let outcome = consider(core, id).await;
    core.board().moving.remove(&id);
    match outcome {
        Ok(Considered::Queued) => pump(core).await,
        Ok(Considered::Elsewhere) => {}
        Err(error) => {
            tracing::warn!(job = %id, %error, "a job could not be taken in; it is tried again");
            let at = core.now().after(LATER);
            core.board().waiting.later(id, at);
        }
    }
}

enum Considered {
    Queued,
    /// It ended, is held, or is in another's hands.
    Elsewhere,
}

#[derive(Debug, thiserror::Error)]
enum NotTaken {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Commit(#[from] CommitError),
    #[error(transparent)]
    Safety(#[from] cortex_domain::ports::SafetyError),
    #[error(transparent)]
    Rejected(#[from] cortex_domain::transition::Rejected),
}

async fn consider(core: &Arc<Core>, id: JobId) -> Result<Considered, NotTaken> {
    let Some(job) = core.store.job(id).await? else { return Ok(Considered::Elsewhere) };
    if job.durability != Durability::Durable || job.state.is_terminal() {
        return Ok(Considered::Elsewhere);
    }
    let now = core.now();
    if job.request.limits.deadline.is_some_and(|deadline| deadline <= now) {
        return change(core, job, Event::Expired).await;
    }
    let job = match comes_back(&job.state) {
        Some(at) if at > now => {
            core.board().waiting.later(id, at);
            return Ok(Considered::Elsewhere);
        }
        // Word of the release may come by the outbox while the job is still in our hands, and is then not
        // heeded: so it is not waited for.
        Some(_) => core.store.commit(Change::of(job).then(Event::Released, now)?).await?,
        None => job,
    };
    let Ok(accepted) = Accepted::recalled(job) else { return Ok(Considered::Elsewhere) };
    match core.clear(accepted).await? {
        Gate::Denied(accepted, denial) => change(core, accepted.into_job(), Event::Denied { denial }).await,
        Gate::Held(accepted, hold) => {
            let until = hold.until();
            let held = change(core, accepted.into_job(), Event::Held { hold }).await?;
            if let Some(at) = until {
                core.board().waiting.later(id, at);
            }
            Ok(held)
        }
        Gate::Passed(cleared) => {
            let ticket = Ticket { cleared, since: core.uptime() };
            // A full queue leaves the job to the reconciler.
            Ok(match core.board().waiting.push(ticket) {
                Ok(()) => Considered::Queued,
                Err(_) => Considered::Elsewhere,
            })
        }
    }
}

async fn change(core: &Core, job: Job, event: Event) -> Result<Considered, NotTaken> {
    core.store.commit(Change::of(job).then(event, core.now())?).await?;
    Ok(Considered::Elsewhere)
}

/// Notes that a job waits because nobody has room, so that its caller can see why, and queues it again.
pub(crate) async fn hold_for_capacity(core: &Arc<Core>, ticket: Ticket) {
    let job = ticket.cleared.job().clone();
    let id = job.id();
    if matches!(job.state, State::Pending { hold: Hold::Ready })
        && let Err(error) = change(core, job, Event::Held { hold: Hold::NoCapacity }).await
    {
        tracing::debug!(job = %id, %error, "the hold was not noted");
    }
    core.board().moving.remove(&id);
    submit(core, id).await;
}
