//! How long the store keeps ended jobs, and how much one tenant may store.

use std::fmt;
use std::time::Duration;

/// The limits of the store. The defaults are those of the shipped file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retention {
    /// How long to keep an ended job with its log and its payloads.
    pub ended: Duration,
    /// How many ended jobs of a tenant to keep. The oldest are deleted first.
    pub ended_jobs: u64,
    /// Maximum number of open jobs of a tenant.
    pub open_jobs: u64,
    /// Maximum number of bytes of a tenant's jobs, with their inputs and results.
    pub bytes: u64,
    /// How long an idempotency key refers to its job. The job is kept as long.
    pub keys: Duration,
    /// Maximum number of idempotency keys of a tenant.
    pub tenant_keys: u64,
    /// How long to keep the entries of the audit log.
    pub audit: Duration,
    /// How many audit entries of a tenant to keep. The oldest are deleted first.
    pub audit_entries: u64,
    /// How many bytes of a tenant's audit entries to keep.
    pub audit_bytes: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            ended: Duration::from_secs(7 * 24 * 3600),
            ended_jobs: 100_000,
            open_jobs: 50_000,
            bytes: 4 << 30,
            keys: Duration::from_secs(24 * 3600),
            tenant_keys: 100_000,
            audit: Duration::from_secs(90 * 24 * 3600),
            audit_entries: 5_000_000,
            audit_bytes: 1 << 30,
        }
    }
}

impl Retention {
    /// How often the store looks for expired data.
    pub const SWEEP_INTERVAL: Duration = Duration::from_secs(10);

    /// Returns the maximum number of a tenant's jobs, including ended ones that are about to be
    /// deleted. Deletion runs in the background, so the limit is an eighth higher than the number
    /// of jobs to keep.
    #[must_use]
    pub fn jobs(&self) -> u64 {
        self.open_jobs.saturating_add(self.ended_jobs).saturating_add(self.ended_jobs / 8)
    }
}

/// How much a tenant stores.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    pub jobs: u64,
    pub open: u64,
    pub bytes: u64,
    pub keys: u64,
}

/// The limits of a tenant's storage.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Bound {
    OpenJobs,
    Jobs,
    Bytes,
    Keys,
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OpenJobs => "open jobs",
            Self::Jobs => "jobs",
            Self::Bytes => "bytes",
            Self::Keys => "idempotency keys",
        })
    }
}

/// A tenant has reached a limit of its storage.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the tenant has reached its storage limit of {most} {bound}")]
pub struct RetentionExceeded {
    pub bound: Bound,
    /// The limit.
    pub most: u64,
    /// When the oldest data of the tenant expires, if that makes room.
    pub again: Option<Duration>,
}

impl Retention {
    /// Returns the first limit that a tenant's usage exceeds.
    #[must_use]
    pub fn exceeded(&self, usage: Usage) -> Option<(Bound, u64)> {
        let bounds = [
            (Bound::OpenJobs, usage.open, self.open_jobs),
            (Bound::Jobs, usage.jobs, self.jobs()),
            (Bound::Bytes, usage.bytes, self.bytes),
            (Bound::Keys, usage.keys, self.tenant_keys),
        ];
        bounds.into_iter().find(|(_, has, most)| has > most).map(|(bound, _, most)| (bound, most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_may_be_reached_and_not_passed() {
        let retention =
            Retention { ended_jobs: 8, open_jobs: 2, bytes: 100, tenant_keys: 3, ..Retention::default() };
        let full = Usage { jobs: 11, open: 2, bytes: 100, keys: 3 };
        assert_eq!(retention.exceeded(full), None);
        for (more, bound) in [
            (Usage { open: 3, ..full }, (Bound::OpenJobs, 2)),
            (Usage { jobs: 12, ..full }, (Bound::Jobs, 11)),
            (Usage { bytes: 101, ..full }, (Bound::Bytes, 100)),
            (Usage { keys: 4, ..full }, (Bound::Keys, 3)),
        ] {
            assert_eq!(retention.exceeded(more), Some(bound));
        }
    }
}
