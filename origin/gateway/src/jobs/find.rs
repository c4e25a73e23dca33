//! A caller's own job.

use cortex_api::Problem;
use cortex_domain::id::{JobId, Tenant};
use cortex_domain::job::Job;

use crate::gateway::Inner;
use crate::refuse;

/// # Errors
/// If the id is none, or there is no such job, or it is another tenant's: all the same to the caller. If the tenant reads
/// too much at once.
pub(crate) async fn own(inner: &Inner, tenant: &Tenant, id: &str) -> Result<Job, Problem> {
    let id: JobId = id.parse().map_err(|_| refuse::no_such_job())?;
    let _place = inner.reads.enter(tenant)?;
    let job = inner.store.job(id).await.map_err(|error| refuse::store(&error))?;
    job.filter(|job| job.tenant() == tenant).ok_or_else(refuse::no_such_job)
}
