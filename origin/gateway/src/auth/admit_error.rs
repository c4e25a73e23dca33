//! Responses to requests that are not admitted.

use axum::response::{IntoResponse, Response};
use cortex_api::{Problem, Shape, headers};
use cortex_domain::time::Timestamp;
use cortex_guard::signature::{Instance, SignatureError};
use http::HeaderValue;

use crate::error::ApiError;

/// Why a request is not admitted.
#[derive(Debug)]
pub(crate) struct AdmitError {
    error: Box<ApiError>,
    /// The instance and the time for which the sender must sign its request.
    sign_for: Option<(Instance, Timestamp)>,
}

impl AdmitError {
    /// Returns the error for a request that its sender may sign again, for this instance and its
    /// clock.
    pub(super) fn sign_again(refusal: SignatureError, instance: &Instance, now: Timestamp) -> Self {
        Self { sign_for: Some((instance.clone(), now)), ..Problem::from(refusal).into() }
    }

    pub(super) fn with_shape(self, shape: Shape) -> Self {
        let Self { mut error, sign_for } = self;
        error.shape = shape;
        Self { error, sign_for }
    }
}

impl From<Problem> for AdmitError {
    fn from(problem: Problem) -> Self {
        let error = ApiError { problem, shape: Shape::Problem };
        Self { error: Box::new(error), sign_for: None }
    }
}

impl IntoResponse for AdmitError {
    fn into_response(self) -> Response {
        let mut response = self.error.into_response();
        if let Some((instance, now)) = self.sign_for {
            let all = response.headers_mut();
            if let Ok(instance) = HeaderValue::from_str(&instance.to_string()) {
                all.insert(headers::INSTANCE, instance);
            }
            all.insert(headers::TIME, now.as_millis().into());
        }
        response
    }
}
