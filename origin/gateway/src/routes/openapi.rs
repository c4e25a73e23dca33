//! `GET /openapi.json`, for everyone.

use axum::response::IntoResponse;
use cortex_api::{Problem, openapi};
use http::header;

/// Returns the OpenAPI document of the edge and the origin.
pub(crate) async fn show((): ()) -> Result<impl IntoResponse, Problem> {
    Ok(([(header::CONTENT_TYPE, "application/json")], openapi::TEXT))
}
