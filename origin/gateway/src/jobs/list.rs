//! `GET /api/v1/jobs`: newest first, in pages.

use axum::Json;
use axum::extract::State;
use cortex_api::{JobPage, ListJobs};
use cortex_domain::ports::Query;

use super::view;
use crate::door::Admitted;
use crate::gateway::Gateway;
use crate::refuse::{self, Refused};

/// The caller's jobs, without their results.
pub(crate) async fn list(
    State(gateway): State<Gateway>,
    admitted: Admitted,
) -> Result<Json<JobPage>, Refused> {
    let ListJobs { state, topic, before, limit } = ListJobs::parse(&admitted.query)?;
    let _place = gateway.inner.reads.enter(&admitted.owner.tenant)?;
    let query = Query { tenant: admitted.owner.tenant, state, topic, before, limit: limit + 1 };
    let jobs = gateway.inner.store.jobs(query).await.map_err(|error| refuse::store(&error))?;
    Ok(Json(JobPage::cut(jobs.iter().map(|job| view::view(job, None)).collect(), limit)))
}
