//! Reads whole bodies within limits of size and time.

use std::time::Duration;

use axum::body::{Body, HttpBody};
use bytes::{Bytes, BytesMut};
use cortex_api::Problem;
use cortex_api::body::{check_content_length, check_length};
use cortex_api::routes::BodyLimit;
use cortex_domain::ErrorCode;
use http::{HeaderMap, header};
use http_body_util::{BodyExt, Limited};

use super::body_budget::BodyShare;

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// How much of a rejected body is read, and for how long.
const MAX_DISCARDED: usize = 8 * BodyLimit::MAX_BYTES;
const DISCARD_TIMEOUT: Duration = Duration::from_secs(1);

/// Reads a whole body. `share` counts its bytes until they are read.
///
/// # Errors
/// Returns an error if the body is announced as too large or is too large, ends early, takes too
/// long, or exceeds the tenant's share.
pub(super) async fn read_body(
    headers: &HeaderMap,
    mut body: Body,
    body_limit: BodyLimit,
    share: BodyShare,
) -> Result<Bytes, Problem> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let read = match check_content_length(announced, body_limit.bytes()) {
        Ok(()) => tokio::time::timeout(BODY_TIMEOUT, collect(&mut body, body_limit, share)).await,
        Err(problem) => Ok(Err(problem)),
    };
    match read {
        Ok(Ok(read)) => Ok(read),
        Ok(Err(problem)) => {
            discard(body).await;
            Err(problem)
        }
        Err(_) => {
            Err(Problem::new(ErrorCode::InvalidRequest, "the body did not arrive in time: send it again"))
        }
    }
}

async fn collect(body: &mut Body, body_limit: BodyLimit, mut share: BodyShare) -> Result<Bytes, Problem> {
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| {
            Problem::new(
                ErrorCode::InvalidRequest,
                "the body ended before its announced length: send it again",
            )
        })?;
        let Ok(data) = frame.into_data() else { continue };
        check_length(read.len() + data.len(), body_limit.bytes())?;
        share.grow(data.len())?;
        read.extend_from_slice(&data);
    }
    Ok(read.freeze())
}

/// Reads and discards a rejected body for a moment. Closing a connection with unread bytes can lose
/// the response.
pub(super) async fn discard(body: Body) {
    if body.is_end_stream() {
        return;
    }
    let mut rest = Limited::new(body, MAX_DISCARDED);
    let reading = async { while let Some(Ok(_)) = rest.frame().await {} };
    let _ = tokio::time::timeout(DISCARD_TIMEOUT, reading).await;
}
