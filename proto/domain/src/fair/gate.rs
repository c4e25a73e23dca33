//! Calls that are open, and when a tenant that has too many of them may try again.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::fair::{ShareExceeded, Shares, Weights};
use crate::id::Tenant;

/// The longest that a tenant is told to wait.
const LONGEST: Duration = Duration::from_secs(60);
/// What is said where no call of the tenant has ended yet, and the shortest that is.
const SHORTEST: Duration = Duration::from_secs(1);

/// Lets calls in, each tenant's up to its share.
#[derive(Clone, Debug)]
pub struct Gate {
    open: Shares,
    /// How long a call of each tenant that has some open takes, averaged over its last ones.
    takes: BTreeMap<Tenant, Duration>,
}

/// A tenant has as many calls open as it may.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a tenant may have {limit} calls open now")]
pub struct TooManyOpenCalls {
    pub limit: usize,
    /// When one of them is likely to have ended, as its calls go.
    pub again: Duration,
}

impl Gate {
    /// Lets in `most` at most, all tenants together.
    #[must_use]
    pub fn new(most: usize, weights: Weights) -> Self {
        Self { open: Shares::new(most, weights), takes: BTreeMap::new() }
    }

    /// Lets one more call of a tenant in.
    ///
    /// # Errors
    /// If it has as many open as it may.
    pub fn enter(&mut self, tenant: &Tenant) -> Result<(), TooManyOpenCalls> {
        self.open
            .take(tenant, 1)
            .map_err(|ShareExceeded { limit }| TooManyOpenCalls { limit, again: self.again(tenant) })
    }

    /// A call that was let in has ended after so long.
    pub fn leave(&mut self, tenant: &Tenant, took: Duration) {
        self.open.give(tenant, 1);
        if self.open.held(tenant) == 0 {
            self.takes.remove(tenant);
        } else {
            let average = self.takes.entry(tenant.clone()).or_insert(took);
            *average = (*average * 7 + took) / 8;
        }
    }

    /// A call that was let in was refused further on. It says nothing of how long calls take.
    pub fn turn_away(&mut self, tenant: &Tenant) {
        self.open.give(tenant, 1);
        if self.open.held(tenant) == 0 {
            self.takes.remove(tenant);
        }
    }

    /// How many calls are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.all()
    }

    /// How long it is until one of a tenant's calls is likely to have ended, as its calls go.
    #[must_use]
    pub fn again(&self, tenant: &Tenant) -> Duration {
        let Some(takes) = self.takes.get(tenant) else { return SHORTEST };
        let open = u32::try_from(self.open.held(tenant)).unwrap_or(u32::MAX).max(1);
        (*takes / open).clamp(SHORTEST, LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_at_its_share_learns_when_a_call_of_its_own_is_likely_to_end_and_the_others_come_in() {
        let (hog, other): (Tenant, Tenant) = ("hog".parse().unwrap(), "other".parse().unwrap());
        let mut gate = Gate::new(8, Weights::default());
        for _ in 0..4 {
            gate.enter(&hog).unwrap();
        }
        assert_eq!(gate.enter(&hog), Err(TooManyOpenCalls { limit: 4, again: Duration::from_secs(1) }));
        gate.leave(&hog, Duration::from_secs(40));
        gate.enter(&hog).unwrap();
        assert_eq!(gate.enter(&hog), Err(TooManyOpenCalls { limit: 4, again: Duration::from_secs(10) }));
        gate.turn_away(&hog);
        gate.enter(&hog).unwrap();
        assert_eq!(
            gate.again(&hog),
            Duration::from_secs(10),
            "one that was refused further on tells nothing"
        );
        gate.enter(&other).unwrap();
        for _ in 0..4 {
            gate.leave(&hog, Duration::from_secs(1));
        }
        gate.leave(&other, Duration::from_secs(1));
        assert_eq!((gate.open(), gate.takes.len()), (0, 0), "nothing is kept of who left");
    }
}
