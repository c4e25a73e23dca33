//! Refusals as answers.

use axum::response::{IntoResponse, Response};
use cortex_api::{Problem, Shape};
use cortex_domain::ErrorCode;
use cortex_domain::call::CallRefusal;
use cortex_domain::fair::TooManyOpenCalls;
use cortex_domain::ports::{BusError, CommitError, RequestError, StoreError};
use cortex_domain::retention::{Bound, Retention, RetentionExceeded};
use cortex_domain::state::Failure;
use http::{HeaderName, HeaderValue, StatusCode, header};
use std::error::Error;
use std::time::Duration;

/// A problem in the shape of the route it is for.
#[derive(Debug)]
pub(crate) struct ApiError {
    pub(crate) problem: Problem,
    pub(crate) shape: Shape,
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

/// The cause goes to the log; the caller learns whether to try again.
pub(crate) fn from_store(error: &StoreError) -> Problem {
    match error {
        StoreError::Overloaded => overloaded(),
        StoreError::RetentionExceeded(limit) => retention_exceeded(*limit),
        StoreError::Broken(_) | StoreError::Corrupt(_) => {
            tracing::error!(%error, "the store failed");
            Problem::new(ErrorCode::Internal, "the job store failed; try again later")
        }
    }
}

/// The tenant itself has as much in the store as it may; others' jobs are taken.
fn retention_exceeded(RetentionExceeded { bound, most, again }: RetentionExceeded) -> Problem {
    let (kind, detail) = match bound {
        Bound::OpenJobs => (
            ErrorCode::Overloaded,
            format!("this tenant has {most} open jobs, as many as it may; wait until some have ended"),
        ),
        Bound::Jobs => (
            ErrorCode::Overloaded,
            format!(
                "this tenant has {most} jobs in the store, as many as it may; the oldest are being deleted"
            ),
        ),
        Bound::Bytes => (
            ErrorCode::StorageFull,
            format!(
                "this tenant's jobs take {most} bytes with their inputs and results, as many as they may; room comes \
                 when the oldest are deleted"
            ),
        ),
        Bound::Keys => (
            ErrorCode::Overloaded,
            format!(
                "this tenant has {most} idempotency keys, as many as it may; wait until the oldest have expired"
            ),
        ),
    };
    Problem::new(kind, detail).with("limit", most).retry_after(again.unwrap_or(Retention::SWEEP_INTERVAL))
}

pub(crate) fn from_commit(error: &CommitError) -> Problem {
    match error {
        CommitError::Store(error) => from_store(error),
        CommitError::Conflict | CommitError::NoDraft => {
            Problem::new(ErrorCode::Conflict, "the job changes too quickly; try again")
        }
    }
}

pub(crate) fn from_request(error: &RequestError) -> Problem {
    match error {
        RequestError::NoResponder(_) | RequestError::Bus(_) => scheduler_unreachable(error),
        RequestError::Unanswered(_) => {
            Problem::new(ErrorCode::Timeout, "no worker answered in time; submit it as a job instead")
        }
    }
}

pub(crate) fn from_bus(error: &BusError) -> Problem {
    scheduler_unreachable(error)
}

fn scheduler_unreachable(error: &dyn Error) -> Problem {
    tracing::error!(%error, "the scheduler can't be reached");
    Problem::new(ErrorCode::Unavailable, "the scheduler can't be reached; try again later")
        .retry_after(Duration::from_secs(1))
}

pub(crate) fn overloaded() -> Problem {
    Problem::new(ErrorCode::Overloaded, "there is more to do than can be taken on; try again later")
        .retry_after(Duration::from_secs(1))
}

/// The tenant itself has too many of something; others are served.
pub(crate) fn too_many(what: &str, TooManyOpenCalls { limit, again }: TooManyOpenCalls) -> Problem {
    let detail =
        format!("this tenant has {limit} {what}, as many as it may now; wait until some of them have ended");
    Problem::new(ErrorCode::Overloaded, detail).with("limit", limit).retry_after(again)
}

/// Why the scheduler did not take a call; `again` is when one of its tenant's calls is likely to have ended.
pub(crate) fn from_call(refusal: CallRefusal, again: Duration) -> Problem {
    let soon = Duration::from_secs(1);
    let (kind, detail, wait) = match refusal {
        CallRefusal::Overloaded => return overloaded().retry_after(again),
        CallRefusal::Crowded => (
            ErrorCode::Overloaded,
            "this tenant has as many calls open as it may now; wait until some of them have ended",
            again,
        ),
        CallRefusal::StorageFull => (
            ErrorCode::StorageFull,
            "this tenant has as much in the store as it may, so that the call could not go on as a job; wait longer for \
             it, or until older jobs are deleted",
            Retention::SWEEP_INTERVAL,
        ),
        CallRefusal::Stopping => (ErrorCode::Unavailable, "the origin is shutting down; try again", soon),
        CallRefusal::Unjudged => (
            ErrorCode::Unavailable,
            "the safety kernel can't be reached, and without it nothing passes; try again later",
            soon,
        ),
        CallRefusal::Internal => return Problem::new(ErrorCode::Internal, "the call could not be placed"),
    };
    Problem::new(kind, detail).retry_after(wait)
}

/// What a worker said went wrong.
pub(crate) fn from_failure(failure: Failure) -> Problem {
    let Failure { code, detail, parameter, retry_after, .. } = failure;
    let problem = Problem::new(code, detail);
    let problem = match (retry_after, code) {
        (None, ErrorCode::Overloaded) => problem.retry_after(Duration::from_secs(1)),
        (None, _) => problem,
        (Some(wait), _) => problem.retry_after(wait),
    };
    match parameter {
        Some(parameter) => problem.at(parameter),
        None => problem,
    }
}

/// A missing job and another tenant's look the same.
pub(crate) fn job_not_found() -> Problem {
    Problem::new(ErrorCode::NotFound, "there is no such job")
}

#[cfg(test)]
mod tests {
    use cortex_domain::state::FailureKind;

    use super::*;

    #[test]
    fn a_workers_refusal_names_the_parameter_in_either_shape() {
        let rendered = |failure: Failure, shape| {
            let rendered = from_failure(failure).render(shape);
            let body: serde_json::Value = serde_json::from_str(&rendered.body).unwrap();
            (rendered.status, body)
        };
        let refused = Failure::new(FailureKind::InvalidInput, "it is too long").at("messages");
        let (status, body) = rendered(refused.clone(), Shape::OpenAi);
        assert_eq!((status, &body["error"]["param"]), (400, &"messages".into()));
        let (status, body) = rendered(refused, Shape::Problem);
        assert_eq!((status, &body["param"]), (400, &"messages".into()));
        let (status, body) = rendered(Failure::new(FailureKind::Broken, "it broke"), Shape::OpenAi);
        assert_eq!((status, &body["error"]["param"]), (502, &serde_json::Value::Null));
        let unknown = Failure::coded(ErrorCode::UnknownModel, "there is no such model").at("model");
        let (status, body) = rendered(unknown, Shape::OpenAi);
        assert_eq!((status, &body["error"]["code"]), (404, &"unknown-model".into()));
    }

    #[test]
    fn a_tenant_at_a_limit_of_the_store_learns_which_and_when_to_come_back() {
        for (bound, again, status, wait) in [
            (Bound::OpenJobs, None, 429, 10),
            (Bound::Jobs, Some(Retention::SWEEP_INTERVAL), 429, 10),
            (Bound::Bytes, Some(Duration::from_secs(7200)), 507, 7200),
            (Bound::Keys, Some(Duration::from_secs(60)), 429, 60),
        ] {
            let refused =
                from_store(&StoreError::RetentionExceeded(RetentionExceeded { bound, most: 42, again }))
                    .render(Shape::Problem);
            let body: serde_json::Value = serde_json::from_str(&refused.body).unwrap();
            assert_eq!(
                (refused.status, refused.retry_after, &body["limit"]),
                (status, Some(wait), &42.into())
            );
            assert!(body["detail"].as_str().unwrap().contains("42"), "{body}");
        }
    }

    #[test]
    fn a_call_that_the_scheduler_refused_says_when_its_tenants_calls_are_likely_to_end() {
        let again = Duration::from_secs(9);
        for (refusal, status, wait) in [
            (CallRefusal::Overloaded, 429, Some(9)),
            (CallRefusal::Crowded, 429, Some(9)),
            (CallRefusal::StorageFull, 507, Some(10)),
            (CallRefusal::Stopping, 503, Some(1)),
            (CallRefusal::Unjudged, 503, Some(1)),
            (CallRefusal::Internal, 500, None),
        ] {
            let rendered = from_call(refusal, again).render(Shape::Problem);
            assert_eq!((rendered.status, rendered.retry_after), (status, wait), "{refusal}");
        }
    }

    #[test]
    fn a_full_worker_says_to_try_again() {
        let problem = from_failure(Failure::new(FailureKind::Overloaded, "the queue is full"));
        let rendered = problem.render(Shape::OpenAi);
        assert_eq!((rendered.status, rendered.retry_after), (429, Some(1)));
        let knows =
            Failure::new(FailureKind::Overloaded, "the queue is full").retry_after(Duration::from_secs(7));
        assert_eq!(from_failure(knows).render(Shape::OpenAi).retry_after, Some(7));
    }
}
