//! How long the store keeps what has ended, and how much of it one tenant may fill.

use std::time::Duration;

/// What the store goes by. The defaults are those of the file that is shipped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retention {
    /// How long an ended job, its log and its payloads are kept.
    pub ended: Duration,
    /// How many ended jobs of a tenant are kept; the oldest go first.
    pub ended_jobs: u64,
    /// How many jobs of a tenant may be open.
    pub open_jobs: u64,
    /// How many bytes the jobs of a tenant may take with their inputs and results.
    pub bytes: u64,
    /// How long an idempotency key stands for its job, which is kept as long.
    pub keys: Duration,
    /// How many idempotency keys a tenant may have.
    pub tenant_keys: u64,
    /// How long the entries of the audit log are kept.
    pub audit: Duration,
    /// How many entries of the audit log are kept of a tenant; its oldest go first.
    pub audit_entries: u64,
    /// How many bytes of the audit log are kept of a tenant.
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
    /// How often it is looked what is kept no longer.
    pub const SWEEP_INTERVAL: Duration = Duration::from_secs(10);

    /// Jobs that a tenant may have, ended ones that are about to go among them. They go in the background, so there may
    /// be an eighth more of them than are kept.
    #[must_use]
    pub fn jobs(&self) -> u64 {
        self.open_jobs.saturating_add(self.ended_jobs).saturating_add(self.ended_jobs / 8)
    }
}

/// What a tenant has in the store.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    pub jobs: u64,
    pub open: u64,
    pub bytes: u64,
    pub keys: u64,
}

/// What there is a limit to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Bound {
    OpenJobs,
    Jobs,
    Bytes,
    Keys,
}

/// A tenant has as much in the store as it may.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the tenant has as much in the store as it may ({bound:?}, {most})")]
pub struct RetentionExceeded {
    pub bound: Bound,
    /// The limit.
    pub most: u64,
    /// When the oldest of what it has will be forgotten, where that makes room.
    pub again: Option<Duration>,
}

impl Retention {
    /// The first limit that a tenant's usage goes beyond.
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
