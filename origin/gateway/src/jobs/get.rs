//! `GET /api/v1/jobs/{id}`.

use axum::Json;
use axum::extract::{Path, State};
use cortex_api::JobView;

use super::{find, view};
use crate::door::Admitted;
use crate::gateway::Gateway;
use crate::refuse::Refused;

/// A job as it stands, with its result once it has one.
pub(crate) async fn get(
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
    admitted: Admitted,
) -> Result<Json<JobView>, Refused> {
    let job = find::own(&gateway.inner, &admitted.owner.tenant, &id).await?;
    Ok(Json(view::whole(&gateway.inner, &job).await?))
}
