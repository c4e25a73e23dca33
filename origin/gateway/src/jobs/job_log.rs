//! The log of a job: its present entries, and new ones as they come.

use cortex_api::{EventView, Problem};
use cortex_domain::id::{JobId, Tenant};
use cortex_domain::job::{Job, Version};
use futures::stream::{self, Stream, StreamExt};

use super::{Jobs, view};
use crate::error;
use crate::job_watcher::JobChanges;

/// The log of a job, after the last entry that the caller has seen.
pub(crate) struct JobLog {
    jobs: Jobs,
    job: Job,
    changes: JobChanges,
    after: Version,
}

/// Why a log ends before its job does.
#[derive(Debug)]
pub(crate) enum LogInterrupted {
    Stopping,
    Failed(Problem),
}

impl JobLog {
    /// Opens the log of a tenant's job.
    ///
    /// # Errors
    /// Returns an error if the tenant has no such job.
    pub(crate) async fn open(
        jobs: &Jobs,
        tenant: &Tenant,
        id: JobId,
        seen: Version,
    ) -> Result<Self, Problem> {
        let changes = jobs.0.watcher.subscribe(id);
        let job = jobs.get(tenant, id).await?;
        // A caller can't have seen more entries than there are.
        let after = seen.min(job.version);
        Ok(Self { jobs: jobs.clone(), job, changes, after })
    }

    pub(crate) fn job(&self) -> JobId {
        self.job.id()
    }

    /// Returns whether no further entry will come.
    pub(crate) fn is_complete(&self) -> bool {
        self.job.state.is_terminal() && self.after == self.job.version
    }

    /// Returns the present entries.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub(crate) async fn entries(&self) -> Result<Vec<EventView>, Problem> {
        let entries = self.jobs.0.store.log(self.job.id(), self.after).await;
        let entries = entries.map_err(|error| error::from_store(&error))?;
        Ok(entries.iter().map(|entry| view::event(&self.job, entry)).collect())
    }

    /// Streams the present entries and then each new one, up to the job's last entry.
    pub(crate) fn follow(self) -> impl Stream<Item = Result<EventView, LogInterrupted>> + Send {
        stream::unfold(Some(self), |log| async move { Some(log?.next().await) }).flat_map(stream::iter)
    }

    async fn next(mut self) -> (Vec<Result<EventView, LogInterrupted>>, Option<Self>) {
        loop {
            let events = match self.entries().await {
                Ok(events) => events,
                Err(problem) => return (vec![Err(LogInterrupted::Failed(problem))], None),
            };
            if let Some(last) = events.last() {
                self.after = Version(last.version);
                let ended = last.state.is_terminal();
                return (events.into_iter().map(Ok).collect(), if ended { None } else { Some(self) });
            }
            let stop = self.jobs.0.stop.clone();
            tokio::select! {
                () = self.changes.changed() => {}
                () = stop.cancelled() => return (vec![Err(LogInterrupted::Stopping)], None),
            }
        }
    }
}
