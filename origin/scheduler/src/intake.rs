//! Durable jobs on their way from the store to the queue.

use std::sync::Arc;
use std::time::Duration;

use cortex_domain::event::Event;
use cortex_domain::flow::Accepted;
use cortex_domain::id::JobId;
use cortex_domain::job::{Durability, Job};
use cortex_domain::policy::Gate;
use cortex_domain::ports::CommitError;
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
        if board.knows(id) {
            return;
        }
        board.moving.insert(id);
    }
    let outcome = match core.store.job(id).await {
        Ok(Some(job)) => consider(core, job).await,
        Ok(None) => Ok(Considered::Elsewhere),
        // Whose it is isn't known, and so not whether it may wait here: the reconciler finds it again.
        Err(error) => {
            tracing::warn!(job = %id, %error, "a job could not be read; it is tried again");
            Ok(Considered::Elsewhere)
        }
    };
    core.board().moving.remove(&id);
    match outcome {
        Ok(Considered::Queued) => pump(core).await,
        Ok(Considered::Elsewhere) => {}
        Err((job, error)) => {
            tracing::warn!(job = %id, %error, "a job could not be taken in; it is tried again");
            let at = core.now().after(LATER);
            core.board().waiting.later(&job, at);
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
    Commit(#[from] CommitError),
    #[error(transparent)]
    Safety(#[from] cortex_domain::ports::SafetyError),
    #[error(transparent)]
    Rejected(#[from] cortex_domain::transition::Rejected),
}

/// What becomes of a job of the store, or why that can't be said yet.
async fn consider(core: &Arc<Core>, job: Job) -> Result<Considered, (Box<Job>, NotTaken)> {
    if job.durability != Durability::Durable || job.state.is_terminal() {
        return Ok(Considered::Elsewhere);
    }
    let now = core.now();
    if job.request.limits.deadline.is_some_and(|deadline| deadline <= now) {
        return change(core, job, Event::Expired).await;
    }
    let waits = comes_back(&job.state).filter(|at| *at > now);
    {
        let mut board = core.board();
        if let Some(at) = waits {
            board.waiting.later(&job, at);
        }
        // The reconciler brings it again once its tenant has room.
        if waits.is_some() || !board.waiting.takes(&job) {
            return Ok(Considered::Elsewhere);
        }
    }
    let job = match comes_back(&job.state) {
        // Word of the release may come by the outbox while the job is still in our hands, and is then not
        // heeded: so it is not waited for.
        Some(_) => commit(core, job, Event::Released).await?,
        None => job,
    };
    let Ok(accepted) = Accepted::recalled(job.clone()) else { return Ok(Considered::Elsewhere) };
    match core.clear(accepted).await.map_err(|error| (Box::new(job), error.into()))? {
        Gate::Denied(accepted, denial) => change(core, accepted.into_job(), Event::Denied { denial }).await,
        Gate::Held(accepted, hold) => {
            let until = hold.until();
            let job = commit(core, accepted.into_job(), Event::Held { hold }).await?;
            if let Some(at) = until {
                core.board().waiting.later(&job, at);
            }
            Ok(Considered::Elsewhere)
        }
        Gate::Passed(cleared) => {
            let ticket = Ticket { cleared, since: core.uptime() };
            // A tenant that has its share leaves the job to the reconciler.
            Ok(match core.board().queue(ticket, &core.settings) {
                Ok(()) => Considered::Queued,
                Err(_) => Considered::Elsewhere,
            })
        }
    }
}

async fn change(core: &Core, job: Job, event: Event) -> Result<Considered, (Box<Job>, NotTaken)> {
    commit(core, job, event).await.map(|_| Considered::Elsewhere)
}

async fn commit(core: &Core, job: Job, event: Event) -> Result<Job, (Box<Job>, NotTaken)> {
    let change = Change::of(job.clone()).then(event, core.now());
    let committed = match change {
        Ok(change) => core.store.commit(change).await.map_err(NotTaken::from),
        Err(error) => Err(error.into()),
    };
    committed.map_err(|error| (Box::new(job), error))
}

/// Notes that a job waits because nobody has room, so that its caller can see why, and queues it again.
pub(crate) async fn hold_for_capacity(core: &Arc<Core>, ticket: Ticket) {
    let job = ticket.cleared.job().clone();
    let id = job.id();
    if matches!(job.state, State::Pending { hold: Hold::Ready })
        && let Err((_, error)) = change(core, job, Event::Held { hold: Hold::NoCapacity }).await
    {
        tracing::debug!(job = %id, %error, "the hold was not noted");
    }
    core.board().moving.remove(&id);
    submit(core, id).await;
}
