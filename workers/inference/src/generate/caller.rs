//! Who asks.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Instant;

use cortex_chat::Now;
use cortex_domain::id::{JobId, Tenant};
use tokio_util::sync::CancellationToken;

/// Who asks, and for how long an answer is wanted.
#[derive(Debug, Clone)]
pub struct Caller {
    /// ParameterNames the answer.
    pub job: JobId,
    /// `None` for a program of this machine at the worker's own door.
    pub tenant: Option<Tenant>,
    pub deadline: Option<Instant>,
    /// Ends the answer within a step.
    pub cancel: CancellationToken,
}

/// Stands for the programs of this machine. No tenant is called that.
const LOCAL: &str = "@local";

impl Caller {
    /// Whose turn it takes, and whose prompts it finds in the cache.
    #[must_use]
    pub fn account(&self) -> &str {
        self.tenant.as_ref().map_or(LOCAL, Tenant::as_str)
    }

    /// Seconds since 1970.
    pub(super) fn created(&self) -> u64 {
        self.job.minted_at().as_millis() / 1000
    }

    /// What the clock showed then, in UTC.
    pub(super) fn now(&self) -> Now {
        Now::from_unix(i64::try_from(self.created()).unwrap_or(i64::MAX), 0)
    }

    /// The seed where none was asked for: of this job alone, the same if it is tried again, and a number that every
    /// reader of JSON can give back.
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
    fn no_tenant_is_called_what_stands_for_this_machine() {
        assert!(LOCAL.parse::<Tenant>().is_err());
    }
}
