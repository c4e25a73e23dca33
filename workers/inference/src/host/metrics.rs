//! The metrics of a worker process, at `/metrics`.

use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::routing::get;
use cortex_platform::metrics::CONTENT_TYPE;

/// Serves what `read` returns, in Prometheus' text format.
pub fn router(read: impl Fn() -> String + Send + Sync + 'static) -> Router {
    let read = Arc::new(read);
    Router::new().route("/metrics", get(async move || ([(header::CONTENT_TYPE, CONTENT_TYPE)], read())))
}
