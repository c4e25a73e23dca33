//! Repairs what a crash left half way: brings every open job of the store back in hand.

use std::sync::Arc;

use cortex_domain::event::Event;
use cortex_domain::job::Job;
use cortex_domain::ports::{CommitError, StoreError};
use cortex_domain::state::State;
use cortex_domain::transition::Change;

use crate::core::Core;
use crate::{intake, run};

/// Jobs read at once.
const PAGE: usize = 256;

/// Goes once through the open jobs. What is in hand already is left alone.
pub(crate) async fn reconcile(core: &Arc<Core>) {
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
            if !core.board().knows(job.id()) {
                take_up(core, job).await;
            }
        }
    }
}

async fn take_up(core: &Arc<Core>, job: Job) {
    match job.state {
        State::Pending { .. } => intake::submit(core, job.id()).await,
        // It was placed and never sent, or its worker would have been heard of: it is placed anew, and so
        // judged anew.
        State::Scheduled { lease, .. } => {
            let id = job.id();
            let change = Change::of(job).then(Event::Returned { lease }, core.now());
            let Ok(change) = change else { return };
            match core.store.commit(change).await {
                Ok(_) | Err(CommitError::Conflict) => {}
                Err(error) => tracing::error!(job = %id, %error, "a job could not be taken up"),
            }
        }
        State::Dispatched { .. } | State::Running { .. } => {
            if let Some(adopted) = run::adopt(core, &job) {
                adopted.follow(core, job);
            }
        }
        _ => {}
    }
}
