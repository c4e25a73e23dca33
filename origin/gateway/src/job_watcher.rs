//! Notifies callers that wait for durable jobs, by following the store's feed of changes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cortex_domain::id::JobId;
use cortex_domain::ports::{Sequence, Store, StoreError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const PAGE_SIZE: usize = 256;
/// How long to rely on notifications of the store before reading again.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Notifies of job changes. Clones share the subscriptions.
#[derive(Clone, Debug, Default)]
pub(crate) struct JobWatcher(Arc<Mutex<HashMap<JobId, watch::Sender<()>>>>);

/// The changes of one job. Subscribe before reading the job, so that no change is missed.
#[derive(Debug)]
pub(crate) struct JobChanges {
    moved: watch::Receiver<()>,
    job: JobId,
    watcher: JobWatcher,
}

impl JobChanges {
    pub(crate) async fn changed(&mut self) {
        // The sender exists as long as a receiver does.
        let _ = self.moved.changed().await;
    }
}

impl Drop for JobChanges {
    fn drop(&mut self) {
        let mut jobs = self.watcher.0.lock().unwrap_or_else(PoisonError::into_inner);
        if jobs.get(&self.job).is_some_and(|sender| sender.receiver_count() <= 1) {
            jobs.remove(&self.job);
        }
    }
}

impl JobWatcher {
    pub(crate) fn subscribe(&self, job: JobId) -> JobChanges {
        let mut jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = jobs.entry(job).or_insert_with(|| watch::channel(()).0);
        JobChanges { moved: sender.subscribe(), job, watcher: self.clone() }
    }

    fn notify(&self, job: JobId) {
        if let Some(sender) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&job) {
            sender.send_replace(());
        }
    }

    /// Notifies of the changes after `after` until `stop`.
    pub(crate) async fn follow(self, store: Arc<dyn Store>, mut after: Sequence, stop: CancellationToken) {
        let mut seen = 0;
        while !stop.is_cancelled() {
            match self.notify_page(store.as_ref(), &mut after).await {
                Ok(0) => {}
                Ok(_) => continue,
                Err(error) => tracing::error!(%error, "the job changes could not be read from the store"),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                now = store.changed(seen) => seen = now,
                () = tokio::time::sleep(POLL_INTERVAL) => {}
            }
        }
    }

    async fn notify_page(&self, store: &dyn Store, after: &mut Sequence) -> Result<usize, StoreError> {
        let steps = store.steps(*after, PAGE_SIZE).await?;
        for step in &steps {
            *after = step.sequence;
            self.notify(step.job);
        }
        Ok(steps.len())
    }
}
