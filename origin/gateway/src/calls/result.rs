//! The result of a call.

use axum::response::Response;
use bytes::Bytes;
use cortex_api::{Problem, headers};
use cortex_domain::ErrorCode;
use cortex_domain::id::JobId;
use cortex_domain::job::Job;
use cortex_domain::state::{Exhausted, State};
use http::header;

use crate::error;

/// The result of a call: its job has ended, or continues without the caller.
#[derive(Debug)]
pub(crate) struct CallResult {
    pub(crate) job: Job,
    /// The worker's response, if the job succeeded.
    pub(crate) answer: Option<Bytes>,
}

impl CallResult {
    /// Returns the worker's response as an HTTP response.
    ///
    /// # Errors
    /// Returns the reason if there is no response.
    pub(crate) fn into_response(self) -> Result<Response, Problem> {
        let id = self.job.id();
        respond(id, self.into_answer()?)
    }

    /// Returns the worker's response.
    ///
    /// # Errors
    /// Returns the reason if there is no response.
    pub(crate) fn into_answer(self) -> Result<Bytes, Problem> {
        match (self.job.state, self.answer) {
            (State::Succeeded { .. }, Some(answer)) => Ok(answer),
            (State::Failed { failure }, _) => Err(error::from_failure(failure)),
            (State::Denied { denial }, _) => {
                Err(Problem::new(ErrorCode::Denied, denial.reason).with("rule", denial.rule))
            }
            (State::TimedOut { exhausted }, _) => Err(match exhausted {
                Exhausted::Deadline => Problem::new(
                    ErrorCode::Timeout,
                    "no worker had free capacity in time: submit a job instead (POST /api/v1/jobs)",
                ),
                Exhausted::Attempts => Problem::new(
                    ErrorCode::WorkerFailed,
                    "every attempt ended because its worker stopped responding",
                ),
            }),
            (State::Cancelled { .. }, _) => Err(Problem::new(ErrorCode::Conflict, "the call was cancelled")),
            _ => Err(Problem::new(ErrorCode::Internal, "the worker's response was lost")),
        }
    }
}

/// Returns a JSON response that names its job.
pub(crate) fn respond(job: JobId, body: Bytes) -> Result<Response, Problem> {
    Response::builder()
        .header(header::CONTENT_TYPE, "application/json")
        .header(headers::JOB_ID, job.to_string())
        .body(body.into())
        .map_err(|_| Problem::new(ErrorCode::Internal, "the response could not be written"))
}
