//! `POST /api/v1/jobs/{id}/cancel`.

use axum::Json;
use cortex_api::{JobView, Problem};
use cortex_domain::id::JobId;

use crate::auth::Admitted;
use crate::calls::Calls;
use crate::jobs::{self, Jobs};

/// Cancels a job that has not ended.
pub(crate) async fn cancel(
    (jobs, calls): (Jobs, Calls),
    id: JobId,
    admitted: Admitted,
) -> Result<Json<JobView>, Problem> {
    let job = jobs::cancel(&jobs, &calls, &admitted.owner, id).await?;
    Ok(Json(jobs::view(&job, None)))
}
