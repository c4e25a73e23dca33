//! Collects which tenants lost entries of the audit log early, for a warning at long intervals.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use cortex_domain::time::Timestamp;

/// The shortest time between two warnings.
const WARNING_INTERVAL: Duration = Duration::from_secs(3600);
/// Maximum number of tenants that a warning names.
const MAX_NAMED: usize = 8;

/// The early deletions since the last warning.
#[derive(Debug, Default)]
pub(crate) struct EarlyDeletionMonitor {
    last_warning: Option<Timestamp>,
    pending: EarlyDeletions,
}

/// Entries that were deleted before they expired.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct EarlyDeletions {
    entries: u64,
    tenants: BTreeSet<String>,
}

impl EarlyDeletionMonitor {
    /// Records how many entries of a tenant were deleted early.
    pub(crate) fn record(&mut self, tenant: &str, entries: u64) {
        if entries == 0 {
            return;
        }
        self.pending.entries += entries;
        if self.pending.tenants.len() <= MAX_NAMED {
            self.pending.tenants.insert(tenant.to_owned());
        }
    }

    /// Returns what to warn of now, if anything. A clock that was set back does not delay a
    /// warning.
    pub(crate) fn take_warning(&mut self, now: Timestamp) -> Option<EarlyDeletions> {
        let waits = self.last_warning.is_some_and(|at| at <= now && now.since(at) < WARNING_INTERVAL);
        if waits || self.pending.entries == 0 {
            return None;
        }
        self.last_warning = Some(now);
        Some(std::mem::take(&mut self.pending))
    }
}

impl EarlyDeletions {
    /// Logs the deletions.
    pub(crate) fn warn(&self) {
        let entries = self.entries;
        tracing::warn!(
            tenants = %self,
            entries,
            "audit entries were deleted before they expired, because their tenants reached the limit in `limits.yaml`"
        );
    }
}

/// Formats the tenants that the warning names.
impl fmt::Display for EarlyDeletions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named: Vec<&str> = self.tenants.iter().take(MAX_NAMED).map(String::as_str).collect();
        f.write_str(&named.join(", "))?;
        if self.tenants.len() > MAX_NAMED { f.write_str(" and others") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    #[test]
    fn a_warning_comes_at_once_and_then_once_per_interval() {
        let mut early_deletions = EarlyDeletionMonitor::default();
        assert_eq!(early_deletions.take_warning(NOW), None);
        early_deletions.record("acme", 3);
        early_deletions.record("aged", 0);
        assert_eq!(early_deletions.take_warning(NOW).unwrap().to_string(), "acme");
        early_deletions.record("acme", 4);
        early_deletions.record("other", 5);
        assert_eq!(early_deletions.take_warning(NOW.after(WARNING_INTERVAL / 2)), None);
        let early = early_deletions.take_warning(NOW.after(WARNING_INTERVAL)).unwrap();
        assert_eq!((early.entries, early.to_string().as_str()), (9, "acme, other"));
        early_deletions.record("acme", 1);
        assert!(early_deletions.take_warning(NOW).is_some(), "the clock was set back");
    }

    #[test]
    fn a_warning_names_a_few_tenants_of_many() {
        let mut early_deletions = EarlyDeletionMonitor::default();
        (0..100).for_each(|n| early_deletions.record(&format!("t{n:03}"), 1));
        let early = early_deletions.take_warning(NOW).unwrap();
        assert_eq!(early.entries, 100);
        assert!(early.to_string().ends_with("t007 and others"), "{early}");
    }
}
