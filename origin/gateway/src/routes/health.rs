//! `GET /health`, for everyone.

use std::collections::BTreeMap;

use axum::Json;
use cortex_api::{HealthView, Problem, Status};
use http::StatusCode;

use crate::jobs::Jobs;
use crate::workers::Workers;

/// Returns the health of the origin: 200, or 503 if the store does not respond.
pub(crate) async fn check(
    (jobs, workers): (Jobs, Workers),
) -> Result<(StatusCode, Json<HealthView>), Problem> {
    let store = jobs.is_reachable().await;
    let workers = workers.present().len();
    let text = |sound: bool| if sound { "ok" } else { "away" }.to_owned();
    let checks =
        BTreeMap::from([("store".to_owned(), text(store)), ("workers".to_owned(), text(workers > 0))]);
    let view = HealthView {
        status: if store && workers > 0 { Status::Ok } else { Status::Degraded },
        service: "gateway".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        checks,
    };
    let status = if store { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok((status, Json(view)))
}
