//! Bodies as they come in, and refusals as they go out.

use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cortex_api::body::check_content_type;
use cortex_api::routes::BodyLimit;
use cortex_api::{Problem, Shape};
use cortex_domain::ErrorCode;
use cortex_guard::precheck;
use tokio::task::spawn_blocking;

use crate::lanes::SMALL;

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// Its routes are those of models.
const TAKES: BodyLimit = BodyLimit::Model;

/// A problem in the shape of the route it is for.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) problem: Problem,
    pub(super) shape: Shape,
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self { problem, shape: Shape::Problem }
    }
}

/// A problem for OpenAI's routes.
pub(super) fn openai(problem: Problem) -> Refused {
    Refused { problem, shape: Shape::OpenAi }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let rendered = self.problem.render(self.shape);
        let status = StatusCode::from_u16(rendered.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let again = rendered.retry_after.map(|seconds| [(header::RETRY_AFTER, seconds)]);
        let content_type = [(header::CONTENT_TYPE, rendered.content_type)];
        let mut response = (status, content_type, again, rendered.body).into_response();
        for (name, value) in rendered.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
        response
    }
}

/// A JSON body, checked as at every other door.
pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    let content_type = content_type(headers);
    check_content_type(content_type)?;
    // A value that is no text is no coding that is taken.
    let codings = headers.get_all(header::CONTENT_ENCODING);
    precheck::check_content_encoding(codings.iter().map(|value| value.to_str().unwrap_or("?")))?;
    let body = match tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, TAKES.bytes())).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => {
            return Err(Problem::new(
                ErrorCode::TooLarge,
                format!("the body has more than {} bytes", TAKES.bytes()),
            ));
        }
        Err(_) => return Err(Problem::new(ErrorCode::Timeout, "the body took too long to arrive")),
    };
    if body.len() <= SMALL {
        precheck::check_json(content_type, &body, TAKES)?;
        return Ok(body);
    }
    let content_type = content_type.map(str::to_owned);
    let checked = spawn_blocking(move || {
        precheck::check_json(content_type.as_deref(), &body, TAKES)?;
        Ok(body)
    });
    checked.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a check broke");
        Err(Problem::new(ErrorCode::WorkerFailed, "the body could not be read"))
    })
}

pub(super) fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok())
}
