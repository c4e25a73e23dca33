//! The limit on open calls, and when a tenant that has reached it may try again.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::fair::{ShareExceeded, Shares, Weights};
use crate::id::Tenant;

/// The longest time after which a tenant is asked to retry.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);
/// The shortest such time, which also applies while no call of the tenant has ended yet.
const MIN_RETRY_AFTER: Duration = Duration::from_secs(1);

/// Admits calls of each tenant up to its share.
#[derive(Clone, Debug)]
pub struct Gate {
    open: Shares,
    /// The average duration of the latest calls of each tenant with open calls.
    takes: BTreeMap<Tenant, Duration>,
}

/// A tenant has reached its limit of open calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the tenant has too many open calls: must be at most {limit}")]
pub struct TooManyOpenCalls {
    pub limit: usize,
    /// When one of them is likely to end, according to the duration of earlier calls.
    pub again: Duration,
}

impl Gate {
    /// Admits at most `most` calls of all tenants together.
    #[must_use]
    pub fn new(most: usize, weights: Weights) -> Self {
        Self { open: Shares::new(most, weights), takes: BTreeMap::new() }
    }

    /// Admits one more call of a tenant.
    ///
    /// # Errors
    /// Returns an error if the tenant has reached its limit.
    pub fn enter(&mut self, tenant: &Tenant) -> Result<(), TooManyOpenCalls> {
        self.open
            .take(tenant, 1)
            .map_err(|ShareExceeded { limit }| TooManyOpenCalls { limit, again: self.again(tenant) })
    }

    /// Records that an admitted call ended after the given time.
    pub fn leave(&mut self, tenant: &Tenant, took: Duration) {
        self.open.give(tenant, 1);
        if self.open.held(tenant) == 0 {
            self.takes.remove(tenant);
        } else {
            let average = self.takes.entry(tenant.clone()).or_insert(took);
            *average = (*average * 7 + took) / 8;
        }
    }

    /// Records that an admitted call was rejected later. Its time does not count.
    pub fn turn_away(&mut self, tenant: &Tenant) {
        self.open.give(tenant, 1);
        if self.open.held(tenant) == 0 {
            self.takes.remove(tenant);
        }
    }

    /// Returns the number of open calls.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.all()
    }

    /// Returns the time until one of a tenant's calls is likely to end, according to the duration
    /// of earlier calls.
    #[must_use]
    pub fn again(&self, tenant: &Tenant) -> Duration {
        let Some(takes) = self.takes.get(tenant) else { return MIN_RETRY_AFTER };
        let open = u32::try_from(self.open.held(tenant)).unwrap_or(u32::MAX).max(1);
        (*takes / open).clamp(MIN_RETRY_AFTER, MAX_RETRY_AFTER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_at_its_share_gets_a_retry_time_and_the_others_are_admitted() {
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
