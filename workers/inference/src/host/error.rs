//! Errors of the model host's routes.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cortex_api::{Problem, Shape};

/// A problem in the shape of its route.
#[derive(Debug)]
pub(super) struct ApiError {
    pub(super) problem: Problem,
    pub(super) shape: Shape,
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self { problem, shape: Shape::Problem }
    }
}

/// Returns a problem in the shape of OpenAI's routes.
pub(super) fn openai(problem: Problem) -> ApiError {
    ApiError { problem, shape: Shape::OpenAi }
}

impl IntoResponse for ApiError {
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
