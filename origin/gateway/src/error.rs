//! Converts internal errors to problems, and problems to responses.

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

/// When a client may try again after the store has failed.
const STORE_RETRY: Duration = Duration::from_secs(5);

/// A problem, with the error format of its route.
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

/// Converts an error of the store. The cause is only logged.
pub(crate) fn from_store(error: &StoreError) -> Problem {
    match error {
        StoreError::Overloaded => overloaded(),
        StoreError::RetentionExceeded(limit) => retention_exceeded(*limit),
        StoreError::Broken(_) | StoreError::TermOver => {
            tracing::error!(%error, "the store failed");
            Problem::new(ErrorCode::Unavailable, "the job store is unavailable: try again later")
                .retry_after(STORE_RETRY)
        }
        StoreError::Corrupt(_) => {
            tracing::error!(%error, "the store failed");
            Problem::new(ErrorCode::Internal, "the job store holds corrupt data")
        }
    }
}

/// The tenant has reached a limit of the store. Jobs of other tenants are still accepted.
fn retention_exceeded(RetentionExceeded { bound, most, again }: RetentionExceeded) -> Problem {
    let (kind, detail) = match bound {
        Bound::OpenJobs => (
            ErrorCode::Overloaded,
            format!("the tenant has {most} open jobs, which is the limit: wait until some have ended"),
        ),
        Bound::Jobs => (
            ErrorCode::Overloaded,
            format!(
                "the tenant has {most} jobs in the store, which is the limit: wait until the \
                    oldest are deleted"
            ),
        ),
        Bound::Bytes => (
            ErrorCode::StorageFull,
            format!(
                "the tenant's jobs, with their inputs and results, have reached the limit of {most} bytes: wait \
                 until the oldest are deleted"
            ),
        ),
        Bound::Keys => (
            ErrorCode::Overloaded,
            format!(
                "the tenant has {most} idempotency keys, which is the limit: wait until the \
                    oldest have expired"
            ),
        ),
    };
    Problem::new(kind, detail).with("limit", most).retry_after(again.unwrap_or(Retention::SWEEP_INTERVAL))
}

pub(crate) fn from_commit(error: &CommitError) -> Problem {
    match error {
        CommitError::Store(error) => from_store(error),
        CommitError::Conflict | CommitError::NoDraft => {
            Problem::new(ErrorCode::Conflict, "another request changed the job at the same time: try again")
        }
    }
}

pub(crate) fn from_request(error: &RequestError) -> Problem {
    match error {
        RequestError::NoResponder(_) | RequestError::Bus(_) => scheduler_unreachable(error),
        RequestError::Unanswered(_) => Problem::new(
            ErrorCode::Timeout,
            "no worker responded in time: submit a job instead (POST /api/v1/jobs)",
        ),
    }
}

/// The scheduler that had a call has ended. A worker may have run it.
pub(crate) fn call_lost() -> Problem {
    tracing::warn!("a call was lost with its scheduler");
    Problem::new(ErrorCode::Unavailable, "the scheduler of this request has ended: try again")
        .retry_after(Duration::from_secs(1))
}

pub(crate) fn from_bus(error: &BusError) -> Problem {
    scheduler_unreachable(error)
}

fn scheduler_unreachable(error: &dyn Error) -> Problem {
    tracing::error!(%error, "the scheduler can't be reached");
    Problem::new(ErrorCode::Unavailable, "the scheduler can't be reached: try again later")
        .retry_after(Duration::from_secs(1))
}

pub(crate) fn overloaded() -> Problem {
    Problem::new(ErrorCode::Overloaded, "too many requests are in progress: try again later")
        .retry_after(Duration::from_secs(1))
}

/// The tenant has reached a limit of concurrent work. Other tenants are still served.
pub(crate) fn too_many(what: &str, TooManyOpenCalls { limit, again }: TooManyOpenCalls) -> Problem {
    let detail = format!("the tenant has {limit} {what}, which is its limit now: wait until some have ended");
    Problem::new(ErrorCode::Overloaded, detail).with("limit", limit).retry_after(again)
}

/// Converts the scheduler's rejection of a call. `again` is when one of the tenant's calls is
/// likely to end.
pub(crate) fn from_call(refusal: CallRefusal, again: Duration) -> Problem {
    let soon = Duration::from_secs(1);
    let (kind, detail, wait) = match refusal {
        CallRefusal::Overloaded => return overloaded().retry_after(again),
        CallRefusal::Crowded => (
            ErrorCode::Overloaded,
            "the tenant has reached its limit of open calls: wait until some have ended",
            again,
        ),
        CallRefusal::StorageFull => (
            ErrorCode::StorageFull,
            "the tenant's storage is full, so this call can't continue as a job: send a longer `Prefer: wait`, \
             or wait until older jobs are deleted",
            Retention::SWEEP_INTERVAL,
        ),
        CallRefusal::Stopping => (ErrorCode::Unavailable, "the origin is shutting down: try again", soon),
        CallRefusal::Moved => {
            (ErrorCode::Unavailable, "the scheduler of this tenant is changing: try again", soon)
        }
        CallRefusal::Unjudged => {
            (ErrorCode::Unavailable, "the safety kernel can't be reached: try again later", soon)
        }
        CallRefusal::Internal => {
            return Problem::new(ErrorCode::Internal, "internal error: the scheduler failed");
        }
    };
    Problem::new(kind, detail).retry_after(wait)
}

/// Converts a worker's failure.
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

/// Returns the same problem for a missing job and for another tenant's job.
pub(crate) fn job_not_found() -> Problem {
    Problem::new(ErrorCode::NotFound, "job not found")
}

#[cfg(test)]
mod tests {
    use cortex_domain::state::FailureKind;

    use super::*;

    #[test]
    fn a_workers_failure_names_the_parameter_in_both_formats() {
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
    fn a_tenant_at_a_limit_of_the_store_learns_the_limit_and_a_retry_time() {
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
    fn a_rejected_call_says_when_to_try_again() {
        let again = Duration::from_secs(9);
        for (refusal, status, wait) in [
            (CallRefusal::Overloaded, 429, Some(9)),
            (CallRefusal::Crowded, 429, Some(9)),
            (CallRefusal::StorageFull, 507, Some(10)),
            (CallRefusal::Stopping, 503, Some(1)),
            (CallRefusal::Moved, 503, Some(1)),
            (CallRefusal::Unjudged, 503, Some(1)),
            (CallRefusal::Internal, 500, None),
        ] {
            let rendered = from_call(refusal, again).render(Shape::Problem);
            assert_eq!((rendered.status, rendered.retry_after), (status, wait), "{refusal}");
        }
    }

    #[test]
    fn a_full_worker_gives_a_retry_time() {
        let problem = from_failure(Failure::new(FailureKind::Overloaded, "the queue is full"));
        let rendered = problem.render(Shape::OpenAi);
        assert_eq!((rendered.status, rendered.retry_after), (429, Some(1)));
        let with_retry_time =
            Failure::new(FailureKind::Overloaded, "the queue is full").retry_after(Duration::from_secs(7));
        assert_eq!(from_failure(with_retry_time).render(Shape::OpenAi).retry_after, Some(7));
    }
}
