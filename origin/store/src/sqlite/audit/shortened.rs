//! Which tenants' entries of the audit log went before their time, for a warning that comes seldom.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use cortex_domain::time::Timestamp;

/// The least time between two warnings.
const WARNING_INTERVAL: Duration = Duration::from_secs(3600);
/// Tenants that a warning names.
const MAX_NAMED: usize = 8;

/// What was deleted early since the last warning.
#[derive(Debug, Default)]
pub(in super::super) struct Shortened {
    warned: Option<Timestamp>,
    since: Early,
}

/// What was deleted early.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in super::super) struct Early {
    pub(in super::super) entries: u64,
    tenants: BTreeSet<String>,
}

impl Shortened {
    /// Notes how many entries of a tenant went early.
    pub(in super::super) fn note(&mut self, tenant: &str, entries: u64) {
        if entries == 0 {
            return;
        }
        self.since.entries += entries;
        if self.since.tenants.len() <= MAX_NAMED {
            self.since.tenants.insert(tenant.to_owned());
        }
    }

    /// What is to be warned of now, if anything. A clock that was set back holds no warning up.
    pub(in super::super) fn due(&mut self, now: Timestamp) -> Option<Early> {
        let waits = self.warned.is_some_and(|at| at <= now && now.since(at) < WARNING_INTERVAL);
        if waits || self.since.entries == 0 {
            return None;
        }
        self.warned = Some(now);
        Some(std::mem::take(&mut self.since))
    }
}

/// The tenants, as far as a warning names them.
impl fmt::Display for Early {
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
    fn a_warning_comes_at_once_and_then_once_in_an_interval_with_all_that_went_since() {
        let mut shortened = Shortened::default();
        assert_eq!(shortened.due(NOW), None);
        shortened.note("acme", 3);
        shortened.note("aged", 0);
        assert_eq!(shortened.due(NOW).unwrap().to_string(), "acme");
        shortened.note("acme", 4);
        shortened.note("other", 5);
        assert_eq!(shortened.due(NOW.after(WARNING_INTERVAL / 2)), None);
        let early = shortened.due(NOW.after(WARNING_INTERVAL)).unwrap();
        assert_eq!((early.entries, early.to_string().as_str()), (9, "acme, other"));
        shortened.note("acme", 1);
        assert!(shortened.due(NOW).is_some(), "the clock was set back");
    }

    #[test]
    fn a_warning_names_a_few_tenants_of_many() {
        let mut shortened = Shortened::default();
        (0..100).for_each(|n| shortened.note(&format!("t{n:03}"), 1));
        let early = shortened.due(NOW).unwrap();
        assert_eq!(early.entries, 100);
        assert!(early.to_string().ends_with("t007 and others"), "{early}");
    }
}
