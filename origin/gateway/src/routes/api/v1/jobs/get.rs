//! `GET /api/v1/jobs/{id}`.

use axum::Json;
use cortex_api::{JobView, Problem};
use cortex_domain::id::JobId;

use crate::auth::Admitted;
use crate::jobs::Jobs;

/// Returns a job, with its result if it has one.
pub(crate) async fn get(jobs: Jobs, id: JobId, admitted: Admitted) -> Result<Json<JobView>, Problem> {
    let job = jobs.get(&admitted.owner.tenant, id).await?;
    jobs.with_result(&job).await.map(Json)
}
