//! Reads a body whole, within limits of size and time.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use cortex_guard::precheck::{MAX_BODY, check_content_length};
use cortex_guard::{Kind, Problem};
use http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};

/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

/// # Errors
/// If the body is announced or found to be too large, breaks off, or takes too long.
pub(super) async fn whole(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    check_content_length(headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()))?;
    let read = Limited::new(body, MAX_BODY).collect();
    match tokio::time::timeout(PATIENCE, read).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(Problem::new(Kind::TooLarge, format!("a body has at most {MAX_BODY} bytes"))
                .with("limit", MAX_BODY))
        }
        Ok(Err(_)) => Err(Problem::new(Kind::InvalidRequest, "the body broke off")),
        Err(_) => Err(Problem::new(Kind::InvalidRequest, "the body did not arrive in time")),
    }
}
