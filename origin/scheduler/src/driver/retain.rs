//! Deletes expired data of the store.

use std::sync::Arc;
use std::time::Duration;

use cortex_domain::retention::Retention;
use cortex_domain::share::Share;

use super::Driver;

/// How soon to look again after something was deleted, because more may have expired meanwhile.
const BACKLOG_INTERVAL: Duration = Duration::from_secs(1);
/// How often to check the time.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Runs until the scheduler stops. It has its own task, because it works as long as there is
/// something to delete.
pub(super) async fn run(driver: Arc<Driver>) {
    loop {
        let deleting = async {
            // One scheduler is enough.
            if driver.owns(Share::FIRST) { driver.store.forget(driver.clock.now()).await } else { Ok(0) }
        };
        let forgotten = tokio::select! {
            () = driver.stop.cancelled() => return,
            forgotten = deleting => forgotten,
        };
        let pause = match forgotten {
            Ok(0) => Retention::SWEEP_INTERVAL,
            Ok(jobs) => {
                tracing::info!(jobs, "expired jobs were deleted");
                BACKLOG_INTERVAL
            }
            Err(error) => {
                tracing::warn!(%error, "expired data could not be deleted; the scheduler tries again");
                Retention::SWEEP_INTERVAL
            }
        };
        let since = driver.clock.uptime();
        while driver.clock.uptime().since(since) < pause {
            tokio::select! {
                () = driver.stop.cancelled() => return,
                () = tokio::time::sleep(POLL_INTERVAL) => {}
            }
        }
    }
}
