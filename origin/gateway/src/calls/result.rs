//! What came of a call.

use axum::response::Response;
use bytes::Bytes;
use cortex_api::{Problem, headers};
use cortex_domain::ErrorCode;
use cortex_domain::id::JobId;
use cortex_domain::job::Job;
use cortex_domain::state::{Exhausted, State};
use http::header;

use crate::error;

/// A call that was answered: it ended, well or not, or its job goes on without the caller.
#[derive(Debug)]
pub(crate) struct CallResult {
    pub(crate) job: Job,
    /// What the worker answered, if the job succeeded.
    pub(crate) answer: Option<Bytes>,
}

impl CallResult {
    /// The worker's answer, as the caller gets it.
    ///
    /// # Errors
    /// With why there is none.
    pub(crate) fn into_response(self) -> Result<Response, Problem> {
        let id = self.job.id();
        respond(id, self.into_answer()?)
    }

    /// The worker's answer.
    ///
    /// # Errors
    /// With why there is none.
    pub(crate) fn into_answer(self) -> Result<Bytes, Problem> {
        match (self.job.state, self.answer) {
            (State::Succeeded { .. }, Some(answer)) => Ok(answer),
            (State::Failed { failure }, _) => Err(error::from_failure(failure)),
            (State::Denied { denial }, _) => {
                Err(Problem::new(ErrorCode::Denied, denial.reason).with("rule", denial.rule))
            }
            (State::TimedOut { exhausted }, _) => Err(match exhausted {
                Exhausted::Deadline => {
                    Problem::new(ErrorCode::Timeout, "no worker had room in time; submit it as a job instead")
                }
                Exhausted::Attempts => {
                    Problem::new(ErrorCode::WorkerFailed, "every worker that tried fell silent")
                }
            }),
            (State::Cancelled { .. }, _) => Err(Problem::new(ErrorCode::Conflict, "the call was cancelled")),
            _ => Err(Problem::new(ErrorCode::Internal, "the worker's answer was lost")),
        }
    }
}

/// A call's answer: JSON, and which job it was.
pub(crate) fn respond(job: JobId, body: Bytes) -> Result<Response, Problem> {
    Response::builder()
        .header(header::CONTENT_TYPE, "application/json")
        .header(headers::JOB_ID, job.to_string())
        .body(body.into())
        .map_err(|_| Problem::new(ErrorCode::Internal, "the answer could not be written"))
}
