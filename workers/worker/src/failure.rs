//! Problems as a job's failures.

use cortex_api::{Kind, Problem};
use cortex_domain::state::{Failure, FailureKind};

pub(crate) fn of(problem: Problem) -> Failure {
    let kind = match problem.kind.status() {
        429 => FailureKind::Overloaded,
        504 => FailureKind::Overran,
        400..500 if problem.kind != Kind::SlowReader => FailureKind::InvalidInput,
        _ => FailureKind::Broken,
    };
    let (parameter, retry_after) = (problem.param().map(str::to_owned), problem.wait());
    Failure { parameter, retry_after, ..Failure::new(kind, problem.detail) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_what_another_try_may_mend_is_tried_again() {
        let of = |kind| super::of(Problem::new(kind, "x")).kind;
        assert_eq!(of(Kind::InvalidRequest), FailureKind::InvalidInput);
        assert_eq!(of(Kind::UnknownModel), FailureKind::InvalidInput);
        assert_eq!(of(Kind::SlowReader), FailureKind::Broken);
        assert_eq!(of(Kind::Timeout), FailureKind::Overran);
        assert_eq!(of(Kind::WorkerFailed), FailureKind::Broken);
        let busy = Problem::new(Kind::Overloaded, "x").retry_after(Duration::from_secs(3));
        let busy = super::of(busy);
        assert_eq!((busy.kind, busy.retry_after), (FailureKind::Overloaded, Some(Duration::from_secs(3))));
    }
}
