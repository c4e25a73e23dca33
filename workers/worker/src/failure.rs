//! Converts problems to a job's failures.

use cortex_api::Problem;
use cortex_domain::state::Failure;

pub(crate) fn of(problem: Problem) -> Failure {
    let (parameter, retry_after) = (problem.param().map(str::to_owned), problem.wait());
    Failure { parameter, retry_after, ..Failure::coded(problem.kind, problem.detail) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cortex_domain::ErrorCode;
    use cortex_domain::state::FailureKind;

    use super::*;

    #[test]
    fn a_code_is_kept_and_only_what_another_try_may_mend_is_tried_again() {
        let of = |code| super::of(Problem::new(code, "x"));
        for code in ErrorCode::ALL {
            assert_eq!(of(*code).code, *code);
        }
        assert_eq!(of(ErrorCode::InvalidRequest).kind, FailureKind::InvalidInput);
        assert_eq!(of(ErrorCode::UnknownModel).kind, FailureKind::InvalidInput);
        assert_eq!(of(ErrorCode::SlowReader).kind, FailureKind::Broken);
        assert_eq!(of(ErrorCode::Timeout).kind, FailureKind::Overran);
        assert_eq!(of(ErrorCode::WorkerFailed).kind, FailureKind::Broken);
        let busy = super::of(Problem::new(ErrorCode::Overloaded, "x").retry_after(Duration::from_secs(3)));
        assert_eq!((busy.kind, busy.retry_after), (FailureKind::Overloaded, Some(Duration::from_secs(3))));
    }
}
