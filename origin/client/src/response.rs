//! Sends requests and reads their responses.

use std::time::{Duration, Instant};

use cortex_api::HealthView;
use reqwest::header::RETRY_AFTER;
use reqwest::{RequestBuilder, Response, Url};
use serde::de::DeserializeOwned;

use crate::{ApiError, CallError};

/// The largest body that is read: more than the largest result of a job.
const MAX_RESPONSE_BYTES: usize = 64 * 1024 * 1024;

/// The response of a component's health route.
#[derive(Debug, Clone)]
pub struct Health {
    pub latency: Duration,
    pub status: u16,
    /// `None` if the body isn't a health document.
    pub view: Option<HealthView>,
}

/// Sends a request and parses the body of its response.
pub(crate) async fn read<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, CallError> {
    let response = send(request).await?;
    let url = response.url().clone();
    let body = read_body(response).await?;
    serde_json::from_slice(&body).map_err(|error| CallError::invalid_response(&url, error))
}

/// Sends a request and returns a successful response. Any other status is an [`ApiError`].
pub(crate) async fn send(request: RequestBuilder) -> Result<Response, CallError> {
    let response = execute(request).await?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let header = response.headers().get(RETRY_AFTER);
    let retry_after = header.and_then(|seconds| seconds.to_str().ok()?.parse().ok());
    let error = ApiError::read(status, &read_body(response).await?);
    // OpenAI's error object has no field for it.
    Err(CallError::Refused(ApiError { retry_after: error.retry_after.or(retry_after), ..error }))
}

/// Sends a health request and measures how long the response takes.
pub(crate) async fn health(request: RequestBuilder, sent: Instant) -> Result<Health, CallError> {
    let response = execute(request).await?;
    let status = response.status().as_u16();
    let body = read_body(response).await?;
    Ok(Health { latency: sent.elapsed(), status, view: serde_json::from_slice(&body).ok() })
}

async fn execute(request: RequestBuilder) -> Result<Response, CallError> {
    let (client, request) = request.build_split();
    let request = request.map_err(|error| CallError::InvalidRequest(error.to_string()))?;
    let url = request.url().clone();
    client.execute(request).await.map_err(|error| CallError::unreachable(&url, &error))
}

/// Reads a whole body, up to [`MAX_RESPONSE_BYTES`].
pub(crate) async fn read_body(mut response: Response) -> Result<Vec<u8>, CallError> {
    let url: Url = response.url().clone();
    let mut body = Vec::new();
    while let Some(bytes) = response.chunk().await.map_err(|error| CallError::unreachable(&url, &error))? {
        if body.len() + bytes.len() > MAX_RESPONSE_BYTES {
            let cause = format!("the body is larger than {} MiB", MAX_RESPONSE_BYTES >> 20);
            return Err(CallError::invalid_response(&url, cause));
        }
        body.extend_from_slice(&bytes);
    }
    Ok(body)
}
