//! The model host: a worker's own HTTP door, for whoever develops against a model on this machine.
//!
//! It asks no key and no policy, and says so in its health: serve it on loopback only.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use cortex_domain::id::ModelName;
use cortex_guard::precheck::{self, MAX_BODY};
use cortex_guard::{Kind, Problem, Shape};
use serde::Deserialize;
use serde_json::json;

use crate::embed::{EmbedError, Embedder};

/// How long a body may take to arrive.
const BODY: Duration = Duration::from_secs(10);

/// `GET /health`, and `POST /embed` with `{"texts": [..]}` or `{"text": ".."}`.
pub fn router(model: ModelName, embedder: Embedder) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/embed", post(embed))
        .fallback(|| async { Refused(Problem::new(Kind::NotFound, "there are /health and /embed")) })
        .method_not_allowed_fallback(|| async {
            Refused(Problem::new(Kind::MethodNotAllowed, "it is GET /health and POST /embed"))
        })
        .with_state(Host { model, embedder })
}

#[derive(Clone)]
struct Host {
    model: ModelName,
    embedder: Embedder,
}

async fn health(State(host): State<Host>) -> Response {
    let about = host.embedder.about();
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

async fn embed(State(host): State<Host>, request: Request) -> Result<Response, Refused> {
    let (parts, body) = request.into_parts();
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    precheck::check_content_type(content_type)?;
    let body = read(body).await?;
    precheck::check_json(content_type, &body)?;
    let texts = precheck::parse::<Input>(&body)?.texts()?;
    let embeddings = host.embedder.embed(texts).await.map_err(problem)?;
    let answer = json!({
        "embeddings": embeddings.vectors,
        "dimensions": host.embedder.about().dimensions,
        "model": host.model.as_str(),
    });
    Ok(Json(answer).into_response())
}

async fn read(body: Body) -> Result<axum::body::Bytes, Problem> {
    match tokio::time::timeout(BODY, to_bytes(body, MAX_BODY)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(_)) => Err(Problem::new(Kind::TooLarge, format!("the body has more than {MAX_BODY} bytes"))),
        Err(_) => Err(Problem::new(Kind::Timeout, "the body took too long to arrive")),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    texts: Option<Vec<String>>,
    text: Option<String>,
}

impl Input {
    fn texts(self) -> Result<Vec<String>, Problem> {
        match (self.texts, self.text) {
            (Some(texts), None) if !texts.is_empty() => Ok(texts),
            (None, Some(text)) => Ok(vec![text]),
            (Some(_), None) => Err(Problem::new(Kind::InvalidRequest, "`texts` is empty").at("texts")),
            _ => Err(Problem::new(Kind::InvalidRequest, "give either `texts` or `text`")),
        }
    }
}

fn problem(error: EmbedError) -> Problem {
    match error {
        EmbedError::Overloaded { retry_after } => {
            Problem::new(Kind::Overloaded, "the model's queue is full").retry_after(retry_after)
        }
        EmbedError::TooMany { .. } | EmbedError::BadText { .. } => {
            Problem::new(Kind::InvalidRequest, error.to_string()).at("texts")
        }
        EmbedError::Device(_) | EmbedError::Stopped => {
            tracing::error!(%error, "the model failed");
            Problem::new(Kind::WorkerFailed, "the model failed")
        }
    }
}

struct Refused(Problem);

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let rendered = self.0.render(Shape::Problem);
        let status = StatusCode::from_u16(rendered.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, rendered.body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(rendered.content_type));
        if let Some(seconds) = rendered.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
