//! Requests that were not admitted, as answers.

use axum::response::{IntoResponse, Response};
use cortex_api::{Problem, Shape, headers};
use cortex_domain::time::Timestamp;
use cortex_guard::signature::{Instance, SignatureError};
use http::HeaderValue;

use crate::error::ApiError;

/// Why a request was not admitted.
#[derive(Debug)]
pub(crate) struct TurnedAway {
    refused: Box<ApiError>,
    /// What the sender has to sign its request for.
    sign_for: Option<(Instance, Timestamp)>,
}

impl TurnedAway {
    /// A signed request that its sender may sign again, for this instance and by its clock.
    pub(super) fn to_sign_again(refusal: SignatureError, instance: &Instance, now: Timestamp) -> Self {
        Self { sign_for: Some((instance.clone(), now)), ..Problem::from(refusal).into() }
    }

    pub(super) fn shaped(self, shape: Shape) -> Self {
        let Self { mut refused, sign_for } = self;
        refused.shape = shape;
        Self { refused, sign_for }
    }
}

impl From<Problem> for TurnedAway {
    fn from(problem: Problem) -> Self {
        let refused = ApiError { problem, shape: Shape::Problem };
        Self { refused: Box::new(refused), sign_for: None }
    }
}

impl IntoResponse for TurnedAway {
    fn into_response(self) -> Response {
        let mut response = self.refused.into_response();
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
