//! Waits for the end of jobs.

use std::time::Duration;

use cortex_api::Problem;
use cortex_domain::id::Tenant;
use cortex_domain::job::Job;

use super::Jobs;

impl Jobs {
    /// Waits for the end of a job, at most for `within`. Returns the job in its latest state.
    ///
    /// # Errors
    /// Returns an error if the job can't be read.
    pub(crate) async fn wait_for_end(
        &self,
        tenant: &Tenant,
        job: Job,
        within: Duration,
    ) -> Result<Job, Problem> {
        let id = job.id();
        let mut changes = self.0.watcher.subscribe(id);
        let wait = async {
            loop {
                let job = self.get(tenant, id).await?;
                if job.state.is_terminal() {
                    return Ok(job);
                }
                changes.changed().await;
            }
        };
        tokio::select! {
            ended = tokio::time::timeout(within, wait) => match ended {
                Ok(job) => job,
                Err(_) => self.get(tenant, id).await,
            },
            () = self.0.stop.cancelled() => Ok(job),
        }
    }
}
