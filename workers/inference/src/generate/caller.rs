//! The caller of a model.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Instant;

use cortex_chat::Now;
use cortex_domain::id::{JobId, Tenant};
use tokio_util::sync::CancellationToken;

/// The caller of a model, and for how long it waits.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The job that asks, which also names the answer.
    pub job: JobId,
    /// `None` for a program of this machine that calls the model host.
    pub tenant: Option<Tenant>,
    pub deadline: Option<Instant>,
    /// Ends the answer within a step.
    pub cancel: CancellationToken,
}

/// The account of programs on this machine. No tenant has this name.
const LOCAL: &str = "@local";

impl Caller {
    /// Returns the account for turns and for prompts in the cache.
    #[must_use]
    pub fn account(&self) -> &str {
        self.tenant.as_ref().map_or(LOCAL, Tenant::as_str)
    }

    /// Returns when the job was created, in seconds since 1970.
    pub(super) fn created(&self) -> u64 {
        self.job.minted_at().as_millis() / 1000
    }

    /// Returns when the job was created, in UTC.
    pub(super) fn now(&self) -> Now {
        Now::from_unix(i64::try_from(self.created()).unwrap_or(i64::MAX), 0)
    }

    /// Returns the seed for a request without one. It depends on the job alone, so another attempt
    /// has the same seed. Every JSON reader can represent it.
    pub(super) fn seed(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.job.hash(&mut hasher);
        hasher.finish() >> 11
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_tenant_has_the_name_of_the_local_account() {
        assert!(LOCAL.parse::<Tenant>().is_err());
    }
}
