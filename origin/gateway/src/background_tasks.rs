//! Tasks that run beside the requests.

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Tasks that no request waits for, but a shutdown does. Clones share the tasks.
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

    /// Announces the shutdown. Running tasks end by themselves.
    pub(crate) fn close(&self) {
        self.stop.cancel();
    }

    /// Announces the shutdown and waits for the running tasks.
    pub(crate) async fn stop(&self) {
        self.close();
        self.tasks.close();
        self.tasks.wait().await;
    }
}
