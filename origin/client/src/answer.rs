//! From an answer to what it says.

use std::time::{Duration, Instant};

use cortex_api::HealthView;
use reqwest::header::RETRY_AFTER;
use reqwest::{RequestBuilder, Response, Url};
use serde::de::DeserializeOwned;

use crate::{CallError, Refused};

/// How much of one answer is read: more than the largest result of a job.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// How a part does.
#[derive(Debug, Clone)]
pub struct Health {
    pub latency: Duration,
    pub status: u16,
    /// None where the answer has another form.
    pub view: Option<HealthView>,
}

/// Sends a request and reads what it is answered with.
pub(crate) async fn read<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, CallError> {
    let response = send(request).await?;
    let url = response.url().clone();
    let body = whole(response).await?;
    serde_json::from_slice(&body).map_err(|error| CallError::unreadable(&url, error))
}

/// Sends a request; an answer that is no success is a refusal.
pub(crate) async fn send(request: RequestBuilder) -> Result<Response, CallError> {
    let response = attempt(request).await?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let header = response.headers().get(RETRY_AFTER);
    let retry_after = header.and_then(|seconds| seconds.to_str().ok()?.parse().ok());
    let refused = Refused::read(status, &whole(response).await?);
    // OpenAI's shape has no place for it.
    Err(CallError::Refused(Refused { retry_after: refused.retry_after.or(retry_after), ..refused }))
}

pub(crate) async fn health(request: RequestBuilder, asked: Instant) -> Result<Health, CallError> {
    let response = attempt(request).await?;
    let status = response.status().as_u16();
    let body = whole(response).await?;
    Ok(Health { latency: asked.elapsed(), status, view: serde_json::from_slice(&body).ok() })
}

async fn attempt(request: RequestBuilder) -> Result<Response, CallError> {
    let (client, request) = request.build_split();
    let request = request.map_err(|error| CallError::Unsent(error.to_string()))?;
    let url = request.url().clone();
    client.execute(request).await.map_err(|error| CallError::unreachable(&url, &error))
}

pub(crate) async fn whole(mut response: Response) -> Result<Vec<u8>, CallError> {
    let url: Url = response.url().clone();
    let mut body = Vec::new();
    while let Some(bytes) = response.chunk().await.map_err(|error| CallError::unreachable(&url, &error))? {
        if body.len() + bytes.len() > MAX_ANSWER {
            return Err(CallError::unreadable(&url, "it does not end"));
        }
        body.extend_from_slice(&bytes);
    }
    Ok(body)
}
