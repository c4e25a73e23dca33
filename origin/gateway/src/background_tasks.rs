//! What runs beside the requests.

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Work that no request waits for, and that a stop waits for. A clone is the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct BackgroundTasks {
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl BackgroundTasks {
    /// Runs a future to its end.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(work);
    }

    /// Returns the token that is cancelled once the gateway stops.
    pub(crate) fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Says that the gateway stops. What runs on ends by itself.
    pub(crate) fn close(&self) {
        self.stop.cancel();
    }

    /// Stops, and waits for what runs.
    pub(crate) async fn stop(&self) {
        self.close();
        self.tasks.close();
        self.tasks.wait().await;
    }
}
