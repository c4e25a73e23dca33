//! Why there is no answer, as callers are told it.

use std::time::Duration;

use cortex_api::Problem;
use cortex_domain::ErrorCode;
use cortex_grammar::ConstraintError;

use crate::language::{Failure, Refusal};

/// What a route calls its prompt and its grammar.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names {
    pub(super) prompt: &'static str,
    pub(super) grammar: &'static str,
}

/// A request that the engine did not take.
pub(super) fn refusal(refusal: Refusal, names: Names) -> Problem {
    let invalid =
        |parameter: &str| Problem::new(ErrorCode::InvalidRequest, refusal.to_string()).at(parameter);
    match &refusal {
        Refusal::Overloaded { retry_after } => {
            Problem::new(ErrorCode::Overloaded, "the model's queue is full").retry_after(*retry_after)
        }
        Refusal::TooLong { .. } | Refusal::EmptyPrompt | Refusal::UnknownToken { .. } => {
            invalid(names.prompt)
        }
        Refusal::TooMany { .. } | Refusal::NoChoices => invalid("n"),
        Refusal::NoTokens => invalid("max_tokens"),
        Refusal::Parameter(parameter) => invalid(parameter.parameter),
        Refusal::Grammar(_) => invalid(names.grammar),
        Refusal::Cancelled => Problem::new(ErrorCode::Conflict, refusal.to_string()),
        Refusal::Stopped => unloaded(),
    }
}

/// An answer that broke off.
pub(super) fn failure(failure: &Failure) -> Problem {
    match failure {
        Failure::Deadline => {
            Problem::new(ErrorCode::Timeout, "the deadline passed before the answer was whole")
        }
        Failure::Cancelled => Problem::new(ErrorCode::Conflict, failure.to_string()),
        Failure::SlowReader { .. } => Problem::new(ErrorCode::SlowReader, failure.to_string()),
        Failure::Stopped => unloaded(),
        // What was asked for leads nowhere, and would again.
        Failure::Grammar(
            ConstraintError::DeadEnd | ConstraintError::TooComplex { .. } | ConstraintError::Invalid(_),
        ) => Problem::new(ErrorCode::InvalidRequest, failure.to_string()),
        Failure::NotFinite | Failure::Grammar(_) => {
            Problem::new(ErrorCode::WorkerFailed, failure.to_string())
        }
        Failure::Device(_) => {
            tracing::error!(error = %failure, "the device failed");
            Problem::new(ErrorCode::WorkerFailed, "the device failed")
        }
    }
}

fn unloaded() -> Problem {
    Problem::new(ErrorCode::Unavailable, "the model was unloaded; try again")
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
            why: "the finished answer doesn't keep it".to_owned(),
        };
        for error in [
            ConstraintError::DeadEnd,
            ConstraintError::TooComplex { why: "too many states".to_owned() },
            ConstraintError::Invalid(schema),
        ] {
            let problem = failure(&Failure::Grammar(error.clone()));
            assert_eq!(problem.kind, ErrorCode::InvalidRequest);
            assert!(problem.detail.contains(&error.to_string()), "{}", problem.detail);
        }
        let broken = failure(&Failure::Grammar(ConstraintError::Failed { why: "x".to_owned() }));
        assert_eq!(broken.kind, ErrorCode::WorkerFailed);
    }
}
