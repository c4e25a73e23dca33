//! Request bodies.

use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, header};
use cortex_api::Problem;
use cortex_api::body::check_content_type;
use cortex_api::routes::BodyLimit;
use cortex_domain::ErrorCode;
use cortex_guard::precheck;
use tokio::task::spawn_blocking;

use crate::blocking::SMALL_BODY;

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// The limit of the public API's model routes.
const BODY_LIMIT: BodyLimit = BodyLimit::Model;

/// Reads a JSON body, with the same checks as the public API.
pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    let content_type = content_type(headers);
    check_content_type(content_type)?;
    // A value that is not text is not a supported coding.
    let codings = headers.get_all(header::CONTENT_ENCODING);
    precheck::check_content_encoding(codings.iter().map(|value| value.to_str().unwrap_or("?")))?;
    let body = match tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, BODY_LIMIT.bytes())).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => {
            return Err(Problem::new(
                ErrorCode::TooLarge,
                format!("the request body is larger than {} bytes", BODY_LIMIT.bytes()),
            ));
        }
        Err(_) => return Err(Problem::new(ErrorCode::Timeout, "the request body took too long to arrive")),
    };
    if body.len() <= SMALL_BODY {
        precheck::check_json(content_type, &body, BODY_LIMIT)?;
        return Ok(body);
    }
    let content_type = content_type.map(str::to_owned);
    let checked = spawn_blocking(move || {
        precheck::check_json(content_type.as_deref(), &body, BODY_LIMIT)?;
        Ok(body)
    });
    checked.await.unwrap_or_else(|error| {
        tracing::error!(%error, "checking a body panicked");
        Err(Problem::new(ErrorCode::WorkerFailed, "the request body could not be read"))
    })
}

pub(super) fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok())
}
