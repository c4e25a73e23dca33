//! `GET /openapi.json`, for whoever asks.

use axum::response::IntoResponse;
use cortex_api::{Problem, openapi};
use http::header;

/// The document of the routes, of both doors.
pub(crate) async fn show((): ()) -> Result<impl IntoResponse, Problem> {
    Ok(([(header::CONTENT_TYPE, "application/json")], openapi::TEXT))
}
