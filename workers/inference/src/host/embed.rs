//! The model host's routes for embeddings.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use cortex_api::Problem;
use cortex_api::body::parse;
use cortex_domain::ErrorCode;
use cortex_domain::id::{ModelName, Tenant};
use serde::Deserialize;
use serde_json::json;

use super::body::read;
use super::error::ApiError;
use crate::embed::{EmbedError, Embedder, LongText};

/// Returns the routes `GET /health` and `POST /embed`. `/embed` takes `{"texts": [..]}` or
/// `{"text": ".."}`, and `"truncate": true` to truncate long texts.
pub fn router(model: ModelName, embedder: Embedder) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/embed", post(embed))
        .fallback(|| async {
            ApiError::from(Problem::new(ErrorCode::NotFound, "this server has GET /health and POST /embed"))
        })
        .method_not_allowed_fallback(|| async {
            ApiError::from(Problem::new(
                ErrorCode::MethodNotAllowed,
                "this server has GET /health and POST /embed",
            ))
        })
        .with_state(EmbedHost { model, embedder })
}

#[derive(Clone)]
struct EmbedHost {
    model: ModelName,
    embedder: Embedder,
}

async fn health(State(host): State<EmbedHost>) -> Response {
    let about = host.embedder.info();
    let alive = host.embedder.is_alive();
    let body = json!({
        "status": if alive { "ok" } else { "stopped" },
        "model": host.model.as_str(),
        "dimensions": about.dimensions,
        "max_tokens": about.max_tokens,
        "governed": false,
    });
    let status = if alive { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(body)).into_response()
}

async fn embed(State(host): State<EmbedHost>, request: Request) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let body = read(&parts.headers, body).await?;
    let input = parse::<Input>(&body)?;
    let long_text = if input.truncate.unwrap_or(false) { LongText::Truncate } else { LongText::Reject };
    let embeddings = host.embedder.embed(&local(), input.texts()?, long_text).await.map_err(problem)?;
    let mut answer = json!({
        "embeddings": embeddings.vectors,
        "dimensions": host.embedder.info().dimensions,
        "model": host.model.as_str(),
    });
    if long_text == LongText::Truncate {
        answer["truncated"] = json!(embeddings.truncated);
    }
    Ok(Json(answer).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    texts: Option<Vec<String>>,
    text: Option<String>,
    truncate: Option<bool>,
}

impl Input {
    fn texts(self) -> Result<Vec<String>, Problem> {
        match (self.texts, self.text) {
            (Some(texts), None) if !texts.is_empty() => Ok(texts),
            (None, Some(text)) => Ok(vec![text]),
            (Some(_), None) => {
                Err(Problem::new(ErrorCode::InvalidRequest, "invalid `texts`: must not be empty").at("texts"))
            }
            _ => Err(Problem::new(ErrorCode::InvalidRequest, "send either `texts` or `text`")),
        }
    }
}

/// Returns the tenant for programs of this machine.
fn local() -> Tenant {
    "local".parse().expect("a valid tenant")
}

fn problem(error: EmbedError) -> Problem {
    match error {
        EmbedError::Overloaded { retry_after } => {
            Problem::new(ErrorCode::Overloaded, "the model's queue is full").retry_after(retry_after)
        }
        EmbedError::TooMany { .. } | EmbedError::BadText { .. } | EmbedError::TooLong { .. } => {
            Problem::new(ErrorCode::InvalidRequest, error.to_string()).at("texts")
        }
        EmbedError::Device(_) | EmbedError::Stopped => {
            tracing::error!(%error, "the model failed");
            Problem::new(ErrorCode::WorkerFailed, "the model failed")
        }
    }
}
