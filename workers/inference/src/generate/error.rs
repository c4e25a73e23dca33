//! Converts the engine's errors to problems for callers.

use std::time::Duration;

use cortex_api::Problem;
use cortex_domain::ErrorCode;
use cortex_grammar::ConstraintError;

use crate::language::{AnswerError, SubmitError};

/// The names of a route's parameters for the prompt and the grammar.
#[derive(Debug, Clone, Copy)]
pub(super) struct ParameterNames {
    pub(super) prompt: &'static str,
    pub(super) grammar: &'static str,
}

/// Returns the problem of a request that the engine rejected.
pub(super) fn submit_error(error: SubmitError, names: ParameterNames) -> Problem {
    let invalid = |parameter: &str| Problem::new(ErrorCode::InvalidRequest, error.to_string()).at(parameter);
    match &error {
        SubmitError::Overloaded { retry_after } => {
            Problem::new(ErrorCode::Overloaded, "the model's queue is full").retry_after(*retry_after)
        }
        SubmitError::TooLong { .. } | SubmitError::EmptyPrompt | SubmitError::UnknownToken { .. } => {
            invalid(names.prompt)
        }
        SubmitError::TooMany { .. } | SubmitError::NoChoices => invalid("n"),
        SubmitError::NoTokens => invalid("max_tokens"),
        SubmitError::Parameter(parameter) => invalid(parameter.parameter),
        SubmitError::Grammar(_) => invalid(names.grammar),
        SubmitError::Cancelled => Problem::new(ErrorCode::Conflict, error.to_string()),
        SubmitError::Stopped => unloaded(),
    }
}

/// Returns the problem of an answer that failed.
pub(super) fn answer_error(error: &AnswerError) -> Problem {
    match error {
        AnswerError::Deadline => {
            Problem::new(ErrorCode::Timeout, "the deadline passed before the answer was complete")
        }
        AnswerError::Cancelled => Problem::new(ErrorCode::Conflict, error.to_string()),
        AnswerError::SlowReader { .. } => Problem::new(ErrorCode::SlowReader, error.to_string()),
        AnswerError::Stopped => unloaded(),
        // The same request would fail again.
        AnswerError::Grammar(
            ConstraintError::DeadEnd | ConstraintError::TooComplex { .. } | ConstraintError::Invalid(_),
        ) => Problem::new(ErrorCode::InvalidRequest, error.to_string()),
        AnswerError::NotFinite | AnswerError::Grammar(_) => {
            Problem::new(ErrorCode::WorkerFailed, error.to_string())
        }
        AnswerError::Device(_) => {
            tracing::error!(%error, "the device failed");
            Problem::new(ErrorCode::WorkerFailed, "the device failed")
        }
    }
}

fn unloaded() -> Problem {
    Problem::new(ErrorCode::Unavailable, "the model was unloaded: try again")
        .retry_after(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grammar_that_leads_nowhere_is_a_fault_of_the_request() {
        let schema = cortex_grammar::SchemaError {
            keyword: "uniqueItems".to_owned(),
            path: "/properties/a".to_owned(),
            why: "the finished answer violates it".to_owned(),
        };
        for error in [
            ConstraintError::DeadEnd,
            ConstraintError::TooComplex { why: "too many states".to_owned() },
            ConstraintError::Invalid(schema),
        ] {
            let problem = answer_error(&AnswerError::Grammar(error.clone()));
            assert_eq!(problem.kind, ErrorCode::InvalidRequest);
            assert!(problem.detail.contains(&error.to_string()), "{}", problem.detail);
        }
        let broken = answer_error(&AnswerError::Grammar(ConstraintError::Failed { why: "x".to_owned() }));
        assert_eq!(broken.kind, ErrorCode::WorkerFailed);
    }
}
