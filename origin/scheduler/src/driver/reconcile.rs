//! Repairs what a crash interrupted, by submitting every open job of the store to the core.

use std::sync::Arc;
use std::time::Duration;

use cortex_domain::ports::StoreError;
use cortex_domain::share::Share;
use tokio::sync::Semaphore;

use super::Driver;
use crate::core::Input;

/// Maximum number of jobs to read at once.
const PAGE_SIZE: usize = 256;
/// Maximum number of submitted jobs in progress.
const MAX_IN_PROGRESS: usize = 256;
/// How often to read all open jobs.
const RECONCILE_INTERVAL: Duration = Duration::from_secs(10);
/// How often to check the time, because the uptime stops while the machine sleeps.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Reconciles at once and then at each interval, until the scheduler stops.
pub(super) async fn run(driver: Arc<Driver>) {
    let permits = Arc::new(Semaphore::new(MAX_IN_PROGRESS));
    let mut gained = driver.gained.subscribe();
    loop {
        let began = driver.clock.uptime();
        gained.mark_unchanged();
        reconcile(&driver, &permits).await;
        while driver.clock.uptime().since(began) < RECONCILE_INTERVAL {
            tokio::select! {
                () = driver.stop.cancelled() => return,
                // Nothing has happened to the jobs of a new share since its last owner.
                _ = gained.changed() => break,
                () = tokio::time::sleep(POLL_INTERVAL) => {}
            }
        }
    }
}

/// Submits all open jobs once. The core ignores those that it tracks.
async fn reconcile(driver: &Arc<Driver>, permits: &Arc<Semaphore>) {
    if let Err(error) = submit_open_jobs(driver, permits).await {
        tracing::error!(%error, "the open jobs could not be read; the scheduler tries again");
    }
    if !driver.owns(Share::FIRST) {
        return;
    }
    match driver.store.sweep_drafts().await {
        Ok(0) => {}
        Ok(count) => tracing::info!(count, "drafts that no dispatch can publish were deleted"),
        Err(error) => tracing::warn!(%error, "unpublishable drafts could not be deleted"),
    }
}

async fn submit_open_jobs(driver: &Arc<Driver>, permits: &Arc<Semaphore>) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let page = driver.store.open_jobs(after, PAGE_SIZE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.id());
        for job in page {
            tokio::select! {
                () = driver.stop.cancelled() => return Ok(()),
                permit = permits.acquire() => drop(permit),
            }
            driver.handle(Input::OpenJobs { jobs: vec![job] }, permits);
        }
    }
}
