//! The model host's routes for language models: OpenAI's routes, and a simple chat.

use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use cortex_api::body::Checked;
use cortex_api::chat::{ChatRequest, SimpleChat};
use cortex_api::completions::CompletionRequest;
use cortex_api::{ModelPage, ModelView, Problem};
use cortex_domain::ErrorCode;
use cortex_domain::id::JobId;
use cortex_domain::time::Timestamp;
use cortex_platform::metrics::CONTENT_TYPE;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::body::read;
use super::error::{ApiError, openai};
use super::sse;
use crate::generate::{Answer, Caller, ModelHandle, ModelRegistry};
use crate::language::render;

const ROUTES: &str = "this server has GET /health, /metrics, /v1/models and /v1/models/{id}, and POST /v1/chat/completions, /v1/completions and /chat";

/// Returns OpenAI's routes for the models of a registry. A model is loaded when a request names it.
pub fn router(registry: ModelRegistry) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .route("/v1/models", get(models))
        .route("/v1/models/{*id}", get(model))
        .route("/v1/chat/completions", post(chat))
        .route("/v1/completions", post(complete))
        .route("/chat", post(short))
        .fallback(|| async { ApiError::from(Problem::new(ErrorCode::NotFound, ROUTES)) })
        .method_not_allowed_fallback(|| async {
            ApiError::from(Problem::new(ErrorCode::MethodNotAllowed, ROUTES))
        })
        .with_state(registry)
}

async fn health(State(registry): State<ModelRegistry>) -> Response {
    let loaded: Vec<_> = registry.loaded().iter().map(|model| model.name().to_string()).collect();
    Json(json!({"status": "ok", "models": loaded, "governed": false})).into_response()
}

async fn metrics(State(registry): State<ModelRegistry>) -> Response {
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], metrics_text(&registry)).into_response()
}

/// Returns the metrics of the loaded models, in Prometheus' text format.
pub fn metrics_text(registry: &ModelRegistry) -> String {
    let loaded = registry.loaded();
    let engines: Vec<_> =
        loaded.iter().map(|model| (model.name().as_str(), model.engine().metrics())).collect();
    render(&engines)
}

async fn models(State(registry): State<ModelRegistry>) -> Json<ModelPage> {
    Json(page(&registry))
}

/// Returns one model. Its id may contain a slash, plain or encoded.
async fn model(
    State(registry): State<ModelRegistry>,
    Path(id): Path<String>,
) -> Result<Json<ModelView>, ApiError> {
    page(&registry).find(&id).map(Json).map_err(openai)
}

fn page(registry: &ModelRegistry) -> ModelPage {
    let installed = registry.list().into_iter().filter(|entry| entry.installed);
    let view = |name: &str| ModelView::new(name, 0, "cortex").of_kind("chat");
    ModelPage::new(installed.map(|entry| view(entry.name.as_str())).collect())
}

async fn chat(State(registry): State<ModelRegistry>, request: Request) -> Result<Response, ApiError> {
    let answer = async {
        let (parts, body) = request.into_parts();
        let body = read(&parts.headers, body).await?;
        let caller = caller();
        let parse = |body: &[u8]| ChatRequest::parse(Checked::trust(body));
        let request = registry.pool().read(caller.account(), body, parse).await?;
        let handle = registry.get(&request.params.model).await?;
        let answer = handle.chat(request, caller).await?;
        respond(answer, handle).await
    };
    answer.await.map_err(openai)
}

async fn complete(State(registry): State<ModelRegistry>, request: Request) -> Result<Response, ApiError> {
    let answer = async {
        let (parts, body) = request.into_parts();
        let body = read(&parts.headers, body).await?;
        let caller = caller();
        let parse = |body: &[u8]| CompletionRequest::parse(Checked::trust(body));
        let request = registry.pool().read(caller.account(), body, parse).await?;
        let handle = registry.get(&request.params.model).await?;
        let answer = handle.complete(request, caller).await?;
        respond(answer, handle).await
    };
    answer.await.map_err(openai)
}

/// `POST /chat`: takes one message and returns the text of its answer.
async fn short(State(registry): State<ModelRegistry>, request: Request) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let body = read(&parts.headers, body).await?;
    let request = SimpleChat::parse(Checked::trust(&body))?.request()?;
    let handle = registry.get(&request.params.model).await?;
    let whole = handle.chat(request, caller()).await?.document().await?;
    Ok(Json(SimpleChat::answer(&whole)?).into_response())
}

async fn respond(answer: Answer, handle: ModelHandle) -> Result<Response, Problem> {
    if answer.streams() {
        return Ok(sse::stream(answer, handle));
    }
    let document = answer.document().await?;
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], document).into_response())
}

/// Returns the caller for programs of this machine. Its answer ends when the client disconnects.
fn caller() -> Caller {
    let millis = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let now = Timestamp::from_millis(u64::try_from(millis.as_millis()).unwrap_or(u64::MAX));
    let mut random = [0; 10];
    // Ids need not be secret. Without randomness, their time still tells them apart.
    let _ = getrandom::fill(&mut random);
    Caller { job: JobId::mint(now, random), tenant: None, deadline: None, cancel: CancellationToken::new() }
}
