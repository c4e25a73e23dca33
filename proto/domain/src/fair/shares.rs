//! Shares of a bounded resource that all tenants use.
//!
//! A tenant may hold at most as much as is free, times its weight. A single tenant therefore has
//! half of the resource, and two tenants have a third each. A new tenant always finds room, however
//! many others are active. (Choudhury and Hahne, "Dynamic queue length thresholds for shared-memory
//! packet switches", IEEE/ACM Transactions on Networking 6, 1998.)

use std::collections::BTreeMap;

use crate::fair::Weights;
use crate::id::Tenant;

/// How much each tenant holds.
#[derive(Clone, Debug)]
pub struct Shares {
    most: usize,
    all: usize,
    held: BTreeMap<Tenant, usize>,
    weights: Weights,
}

/// A tenant holds its full share.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the tenant has reached its share: must be at most {limit}")]
pub struct ShareExceeded {
    /// How much the tenant may hold, given what the others hold now.
    pub limit: usize,
}

impl Shares {
    /// Bounds all tenants together to `most`.
    #[must_use]
    pub fn new(most: usize, weights: Weights) -> Self {
        Self { most, all: 0, held: BTreeMap::new(), weights }
    }

    /// Takes `amount` for a tenant.
    ///
    /// # Errors
    /// Returns an error and takes nothing if the tenant would exceed its share.
    pub fn take(&mut self, tenant: &Tenant, amount: usize) -> Result<(), ShareExceeded> {
        let limit = self.limit(tenant);
        let wanted = self.held(tenant).saturating_add(amount);
        if wanted > limit {
            return Err(ShareExceeded { limit });
        }
        self.force(tenant, amount);
        Ok(())
    }

    /// Takes `amount` for a tenant without checking its share.
    pub fn force(&mut self, tenant: &Tenant, amount: usize) {
        if amount > 0 {
            *self.held.entry(tenant.clone()).or_default() += amount;
            self.all += amount;
        }
    }

    /// Returns an amount that was taken.
    pub fn give(&mut self, tenant: &Tenant, amount: usize) {
        let Some(held) = self.held.get_mut(tenant) else { return };
        let given = amount.min(*held);
        *held -= given;
        self.all -= given;
        if *held == 0 {
            self.held.remove(tenant);
        }
    }

    #[must_use]
    pub fn held(&self, tenant: &Tenant) -> usize {
        self.held.get(tenant).copied().unwrap_or_default()
    }

    /// Returns the sum over all tenants.
    #[must_use]
    pub fn all(&self) -> usize {
        self.all
    }

    /// Returns how much a tenant may hold, given what the others hold now.
    #[must_use]
    pub fn limit(&self, tenant: &Tenant) -> usize {
        let others = self.all - self.held(tenant);
        let left = self.most.saturating_sub(others);
        let weight = self.weights.of(tenant).get() as usize;
        let share = left.saturating_mul(weight) / (weight + 1);
        // The last free unit is available to any tenant.
        share.max(left.min(1))
    }

    /// Returns whether a tenant holds less than an equal share among the tenants that hold
    /// something.
    #[must_use]
    pub fn is_short(&self, tenant: &Tenant) -> bool {
        self.held(tenant) < self.most / (self.held.len() + 1)
    }

    /// Returns the tenant that holds the most relative to its weight.
    #[must_use]
    pub fn largest(&self) -> Option<&Tenant> {
        let size = |(tenant, held): &(&Tenant, &usize)| {
            (**held as u64) * u64::from(Weights::MAX) / u64::from(self.weights.of(tenant).get())
        };
        self.held.iter().max_by_key(size).map(|(tenant, _)| tenant)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tenant(name: &str) -> Tenant {
        name.parse().unwrap()
    }

    fn fill(shares: &mut Shares, name: &str) -> usize {
        while shares.take(&tenant(name), 1).is_ok() {}
        shares.held(&tenant(name))
    }

    #[test]
    fn a_single_tenant_has_half_and_the_next_one_finds_room() {
        let mut shares = Shares::new(1000, Weights::default());
        assert_eq!(fill(&mut shares, "a"), 500);
        assert_eq!(fill(&mut shares, "b"), 250);
        assert_eq!(shares.take(&tenant("a"), 1), Err(ShareExceeded { limit: 375 }));
        for n in 0..6 {
            assert!(fill(&mut shares, &format!("c{n}")) > 0);
        }
        assert!(shares.all() <= 1000);
    }

    #[test]
    fn tenants_that_return_shares_converge() {
        let mut shares = Shares::new(900, Weights::default());
        fill(&mut shares, "a");
        for _ in 0..1000 {
            for name in ["a", "b"] {
                let held = shares.held(&tenant(name));
                shares.give(&tenant(name), held.min(10));
                fill(&mut shares, name);
            }
        }
        let (a, b) = (shares.held(&tenant("a")), shares.held(&tenant("b")));
        assert!(a.abs_diff(b) <= 12 && a.abs_diff(300) <= 12, "{a} and {b}");
    }

    #[test]
    fn the_last_unit_is_available_and_the_largest_holder_is_named() {
        let mut shares = Shares::new(1, Weights::default());
        assert_eq!(shares.take(&tenant("a"), 1), Ok(()));
        assert_eq!(shares.take(&tenant("b"), 1), Err(ShareExceeded { limit: 0 }));
        assert_eq!(shares.largest(), Some(&tenant("a")));
        shares.give(&tenant("a"), 9);
        assert_eq!((shares.all(), shares.largest()), (0, None));
    }

    #[test]
    fn a_weight_counts() {
        let three = BTreeMap::from([(tenant("a"), 3.try_into().unwrap())]);
        let mut shares = Shares::new(1000, Weights::new(three));
        assert_eq!(fill(&mut shares, "a"), 750);
        fill(&mut shares, "b");
        assert_eq!(shares.largest(), Some(&tenant("a")), "250 a weight against 125");
    }

    proptest! {
        #[test]
        fn the_total_is_bounded_and_departed_tenants_are_forgotten(
            steps in prop::collection::vec((0..20u8, any::<bool>(), 1..50usize), 1..300),
        ) {
            let mut shares = Shares::new(100, Weights::default());
            for (name, takes, amount) in steps {
                let tenant = tenant(&format!("t{name}"));
                if takes { let _ = shares.take(&tenant, amount); } else { shares.give(&tenant, amount); }
                prop_assert!(shares.all <= 100);
                prop_assert_eq!(shares.all, shares.held.values().sum::<usize>());
                prop_assert!(shares.held.values().all(|held| *held > 0));
            }
        }
    }
}
