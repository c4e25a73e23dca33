//! The failures among several operations, all of which are performed even if one fails.

use worker::{Error, Result};

use crate::log;

/// The failures so far.
#[derive(Debug, Default)]
pub(super) struct Failures(Vec<Failure>);

#[derive(Debug)]
struct Failure {
    /// The operation, and its object.
    what: &'static str,
    to: String,
    cause: Error,
}

impl Failures {
    /// Records the result of an operation. Returns its value unless it failed.
    pub(super) fn note<T>(&mut self, what: &'static str, to: impl ToString, went: Result<T>) -> Option<T> {
        went.map_err(|cause| self.0.push(Failure { what, to: to.to_string(), cause })).ok()
    }

    pub(super) fn append(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// Logs each failure.
    ///
    /// # Errors
    /// Returns the first failure, if there is one.
    pub(super) fn report(self) -> Result<()> {
        for Failure { what, to, cause } in &self.0 {
            log::error("ledger.failed", &[("what", what), ("to", to), ("cause", &cause.to_string())]);
        }
        self.0.into_iter().next().map_or(Ok(()), |failure| Err(failure.cause))
    }
}

#[cfg(test)]
impl Failures {
    pub(super) fn all(&self) -> Vec<(&str, &str)> {
        self.0.iter().map(|failure| (failure.what, failure.to.as_str())).collect()
    }
}
