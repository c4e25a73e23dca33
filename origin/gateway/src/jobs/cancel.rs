//! Cancels jobs.

use std::time::Duration;

use cortex_api::Problem;
use cortex_domain::ErrorCode;
use cortex_domain::event::Event;
use cortex_domain::id::JobId;
use cortex_domain::job::{Job, Owner};
use cortex_domain::ports::CommitError;
use cortex_domain::state::StateName;
use cortex_domain::transition::Change;

use super::Jobs;
use crate::calls::Calls;
use crate::error;

/// Maximum number of attempts. A job changes only a few times, so more conflicts than this are a
/// bug.
const MAX_ATTEMPTS: usize = 8;
/// How long an abandoned call may take to end.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);

/// Cancels a job that has not ended. An open call is abandoned, and the outbox notifies the worker
/// of a durable job.
///
/// # Errors
/// Returns an error if the owner has no such job, or if it has ended.
pub(crate) async fn cancel(jobs: &Jobs, calls: &Calls, owner: &Owner, id: JobId) -> Result<Job, Problem> {
    if let Some(ended) = calls.cancel(id, &owner.tenant).await {
        let _ = tokio::time::timeout(CANCEL_TIMEOUT, ended.cancelled()).await;
        let job = jobs.get(&owner.tenant, id).await?;
        if job.state.name() == StateName::Cancelled {
            return Ok(job);
        }
    }
    for _ in 0..MAX_ATTEMPTS {
        let job = jobs.get(&owner.tenant, id).await?;
        let reason = format!("cancelled by {}", owner.principal);
        let Ok(change) = Change::of(job.clone()).then(Event::Cancelled { reason }, jobs.0.clock.now()) else {
            let detail = format!("the job has already ended: its state is {}", job.state.name());
            return Err(Problem::new(ErrorCode::Conflict, detail).with("state", job.state.name().as_str()));
        };
        match jobs.0.store.commit(change).await {
            Ok(job) => return Ok(job),
            Err(CommitError::Conflict) => {}
            Err(error) => return Err(error::from_commit(&error)),
        }
    }
    Err(error::from_commit(&CommitError::Conflict))
}
