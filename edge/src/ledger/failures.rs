//! What failed of several things that are all to be done: one that fails keeps none of the others from being done.

use worker::{Error, Result};

use crate::log;

/// What failed so far.
#[derive(Debug, Default)]
pub(super) struct Failures(Vec<Failure>);

#[derive(Debug)]
struct Failure {
    /// What was to be done, and to what.
    what: &'static str,
    to: String,
    cause: Error,
}

impl Failures {
    /// Takes note of how something went. Returns what came of it, if it did not fail.
    pub(super) fn note<T>(&mut self, what: &'static str, to: impl ToString, went: Result<T>) -> Option<T> {
        went.map_err(|cause| self.0.push(Failure { what, to: to.to_string(), cause })).ok()
    }

    pub(super) fn append(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// Logs each failure.
    ///
    /// # Errors
    /// With the first, if there is one.
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
