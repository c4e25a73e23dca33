//! Deletes what the store keeps no longer.

use std::sync::Arc;
use std::time::Duration;

use cortex_domain::retention::Retention;

use crate::core::Core;

/// How soon to look again after something was deleted: more may have ended meanwhile.
const SOON: Duration = Duration::from_secs(1);
/// How often to look whether it is time.
const LOOK: Duration = Duration::from_millis(100);

/// Runs until the scheduler stops. In a task of its own, since it goes on for as long as there is something to delete.
pub(crate) async fn run(core: Arc<Core>) {
    loop {
        let forgotten = tokio::select! {
            () = core.stop.cancelled() => return,
            forgotten = core.store.forget(core.now()) => forgotten,
        };
        let pause = match forgotten {
            Ok(0) => Retention::EVERY,
            Ok(jobs) => {
                tracing::info!(jobs, "jobs that are kept no longer were deleted");
                SOON
            }
            Err(error) => {
                tracing::warn!(%error, "what is kept no longer could not be deleted; it is tried again");
                Retention::EVERY
            }
        };
        let since = core.uptime();
        while core.uptime().since(since) < pause {
            tokio::select! {
                () = core.stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }
}
