//! Why a request ends early.

use cortex_api::Problem;
use cortex_domain::ErrorCode;

use crate::log;

/// Either something the caller may know, or something that broke here.
#[derive(Debug)]
pub(crate) enum Refusal {
    Problem(Problem),
    Broken(String),
}

impl Refusal {
    /// What the caller is told; what broke goes to the log alone.
    pub(crate) fn into_problem(self) -> Problem {
        match self {
            Self::Problem(problem) => problem,
            Self::Broken(cause) => {
                log::error("request.broken", &[("cause", &cause)]);
                Problem::new(
                    ErrorCode::Internal,
                    "this could not be done: try again, and tell us if it goes on",
                )
            }
        }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<worker::Error> for Refusal {
    fn from(error: worker::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

impl From<serde_json::Error> for Refusal {
    fn from(error: serde_json::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

pub(crate) fn not_found() -> Refusal {
    Problem::new(ErrorCode::NotFound, "there is nothing here under that name").into()
}
