//! Every path.

use axum::Router;
use axum::routing::{get, post};
use cortex_api::routes::shape;
use cortex_api::{Problem, not_served};
use cortex_domain::ErrorCode;
use http::Uri;

use crate::gateway::Gateway;
use crate::refuse::Refused;
use crate::{embeddings, generate, health, jobs, models, revoked, workers};

/// The gateway's routes.
pub(crate) fn router(gateway: Gateway) -> Router {
    Router::new()
        .route("/health", get(health::check))
        .route("/api/v1/jobs", post(jobs::create).get(jobs::list))
        .route("/api/v1/jobs/{id}", get(jobs::get))
        .route("/api/v1/jobs/{id}/cancel", post(jobs::cancel))
        .route("/api/v1/jobs/{id}/events", get(jobs::events))
        .route("/api/v1/workers", get(workers::list))
        .route("/v1/embeddings", post(embeddings::create))
        .route("/v1/chat/completions", post(generate::chat))
        .route("/v1/completions", post(generate::complete))
        .route("/v1/models", get(models::list))
        .route("/internal/revoked", post(revoked::revoked))
        .route("/v1/models/{*id}", get(models::get))
        .route("/chat", post(generate::short))
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        .with_state(gateway)
}

async fn nothing_here(uri: Uri) -> Refused {
    refused(uri.path(), not_served(uri.path()))
}

async fn wrong_method(uri: Uri) -> Refused {
    refused(uri.path(), Problem::new(ErrorCode::MethodNotAllowed, "this path does not take that method"))
}

fn refused(path: &str, problem: Problem) -> Refused {
    Refused { problem, shape: shape(path) }
}
