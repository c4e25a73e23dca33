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
/// How much of a refused body is read on, and for how long.
const DRAINED: usize = 8 * MAX_BODY;
const DRAINING: Duration = Duration::from_secs(1);

/// # Errors
/// If the body is announced or found to be too large, breaks off, or takes too long.
pub(super) async fn whole(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    let mut body = body;
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if let Err(problem) = check_content_length(announced) {
        drain(body).await;
        return Err(problem);
    }
    let read = Limited::new(&mut body, MAX_BODY).collect();
    match tokio::time::timeout(PATIENCE, read).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            drain(body).await;
            Err(Problem::new(Kind::TooLarge, format!("a body has at most {MAX_BODY} bytes"))
                .with("limit", MAX_BODY))
        }
        Ok(Err(_)) => Err(Problem::new(Kind::InvalidRequest, "the body broke off")),
        Err(_) => Err(Problem::new(Kind::InvalidRequest, "the body did not arrive in time")),
    }
}

/// Reads on for a moment: a connection closed on unread bytes takes the answer with it.
async fn drain(body: Body) {
    let mut rest = Limited::new(body, DRAINED);
    let reading = async { while let Some(Ok(_)) = rest.frame().await {} };
    let _ = tokio::time::timeout(DRAINING, reading).await;
}
