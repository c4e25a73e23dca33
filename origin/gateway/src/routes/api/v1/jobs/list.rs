//! `GET /api/v1/jobs`: the newest jobs first, in pages.

use axum::Json;
use cortex_api::{JobPage, ListJobs, Problem};
use cortex_domain::ports::Query;

use crate::auth::Admitted;
use crate::jobs::{self, Jobs};

/// Lists the caller's jobs without their results.
pub(crate) async fn list(jobs: Jobs, admitted: Admitted) -> Result<Json<JobPage>, Problem> {
    let ListJobs { state, topic, before, limit } = ListJobs::parse(&admitted.query)?;
    let query = Query { tenant: admitted.owner.tenant, state, topic, before, limit: limit + 1 };
    let page = jobs.page(query).await?;
    Ok(Json(JobPage::cut(page.iter().map(|job| jobs::view(job, None)).collect(), limit)))
}
