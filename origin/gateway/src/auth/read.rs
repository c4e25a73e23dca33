//! Reads a body whole, within limits of size and time.

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
/// How much of a refused body is read on, and for how long.
const MAX_DISCARDED: usize = 8 * BodyLimit::MAX_BYTES;
const DISCARD_TIMEOUT: Duration = Duration::from_secs(1);

/// Reads a body whole; `share` takes its bytes as they arrive, and holds them until they are read.
///
/// # Errors
/// If the body is announced or found to be too large, breaks off, takes too long, or finds no room.
pub(super) async fn whole(
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
        Err(_) => Err(Problem::new(
            ErrorCode::InvalidRequest,
            "the body did not arrive in time: send \
            it again",
        )),
    }
}

async fn collect(body: &mut Body, body_limit: BodyLimit, mut share: BodyShare) -> Result<Bytes, Problem> {
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| {
            Problem::new(
                ErrorCode::InvalidRequest,
                "the body ended before \
            its announced length: send it again",
            )
        })?;
        let Ok(data) = frame.into_data() else { continue };
        check_length(read.len() + data.len(), body_limit.bytes())?;
        share.grow(data.len())?;
        read.extend_from_slice(&data);
    }
    Ok(read.freeze())
}

/// Reads a refused body for a moment and keeps none of it: a connection closed on unread bytes takes the answer with it.
pub(super) async fn discard(body: Body) {
    if body.is_end_stream() {
        return;
    }
    let mut rest = Limited::new(body, MAX_DISCARDED);
    let reading = async { while let Some(Ok(_)) = rest.frame().await {} };
    let _ = tokio::time::timeout(DISCARD_TIMEOUT, reading).await;
}
