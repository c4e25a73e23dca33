//! Repairs what a crash left half way: brings every open job of the store back in hand.

use std::sync::Arc;
use std::time::Duration;

use cortex_domain::event::Event;
use cortex_domain::id::JobId;
use cortex_domain::job::Durability;
use cortex_domain::ports::{CommitError, StoreError};
use cortex_domain::state::{Lease, State};
use cortex_domain::transition::Change;

use crate::core::Core;
use crate::{intake, run};

/// Jobs read at once.
const PAGE: usize = 256;
/// How often to look through the store.
const EVERY: Duration = Duration::from_secs(10);
/// How often to look whether it is time.
const LOOK: Duration = Duration::from_millis(100);

/// Runs until the scheduler stops: at once, and then again and again. In a task of its own, since a safety
/// kernel that does not answer holds it up.
pub(crate) async fn run(core: Arc<Core>) {
    loop {
        let began = core.uptime();
        reconcile(&core).await;
        while core.uptime().since(began) < EVERY {
            tokio::select! {
                () = core.stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }
}

/// Goes once through the open jobs. What is in hand already is left alone.
async fn reconcile(core: &Arc<Core>) {
    if let Err(error) = every_open_job(core).await {
        tracing::error!(%error, "the open jobs could not be read; it is tried again");
    }
    match core.store.sweep_drafts().await {
        Ok(0) => {}
        Ok(count) => tracing::info!(count, "drafts that nobody can publish were deleted"),
        Err(error) => tracing::warn!(%error, "drafts could not be swept"),
    }
}

async fn every_open_job(core: &Arc<Core>) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let page = core.store.open_jobs(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.id());
        for job in page {
            if core.stop.is_cancelled() {
                return Ok(());
            }
            match job.state {
                State::Pending { .. } if core.board().waiting.takes(&job) => {
                    intake::submit(core, job.id()).await
                }
                // Its tenant has its share of the queue.
                State::Pending { .. } => {}
                _ => take_up(core, job.id(), None).await,
            }
        }
    }
}

/// Takes a job of the store in hand, unless it is; `reported` is the lease of a report on it that came.
pub(crate) async fn take_up(core: &Arc<Core>, id: JobId, reported: Option<Lease>) {
    {
        let mut board = core.board();
        if board.knows(id) {
            return;
        }
        board.moving.insert(id);
    }
    match adopt(core, id, reported).await {
        Ok(Found::Followed) => {}
        Ok(Found::Waits) => {
            core.board().moving.remove(&id);
            intake::submit(core, id).await;
        }
        Ok(Found::Ended) => {
            core.board().moving.remove(&id);
        }
        Err(error) => {
            core.board().moving.remove(&id);
            tracing::error!(job = %id, %error, "a job could not be taken up; it is tried again");
        }
    }
}

enum Found {
    Followed,
    Waits,
    /// Or it never was in the store.
    Ended,
}

/// Follows the job if a worker has it. It is read only now that it is claimed: what was read before may have
/// ended meanwhile.
async fn adopt(core: &Arc<Core>, id: JobId, reported: Option<Lease>) -> Result<Found, CommitError> {
    let Some(job) = core.store.job(id).await?.filter(|job| job.durability == Durability::Durable) else {
        return Ok(Found::Ended);
    };
    match job.state {
        // It was placed and never sent, or its worker would have been heard of: it is placed anew, and so
        // judged anew.
        State::Scheduled { lease, .. } if reported != Some(lease) => {
            let Ok(change) = Change::of(job).then(Event::Returned { lease }, core.now()) else {
                return Ok(Found::Waits);
            };
            match core.store.commit(change).await {
                Ok(_) | Err(CommitError::Conflict) => Ok(Found::Waits),
                Err(error) => Err(error),
            }
        }
        State::Scheduled { .. } | State::Dispatched { .. } | State::Running { .. } => {
            let adopted = run::adopt(&mut core.board(), &job, core.uptime());
            let Some(adopted) = adopted else { return Ok(Found::Waits) };
            adopted.follow(core, job);
            Ok(Found::Followed)
        }
        State::Pending { .. } => Ok(Found::Waits),
        _ => Ok(Found::Ended),
    }
}
