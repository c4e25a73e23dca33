//! Limits the bytes of bodies that are being read, because a slow sender keeps its part in memory.
//! Each tenant has a share, so that a tenant with many slow senders leaves room for the others.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cortex_api::Problem;
use cortex_domain::ErrorCode;
use cortex_domain::fair::{ShareExceeded, Shares, Weights};
use cortex_domain::id::Tenant;

/// The number of bytes that the arriving bodies of all tenants share. Clones share the budget.
#[derive(Clone, Debug)]
pub(crate) struct BodyBudget(Arc<Mutex<Shares>>);

/// The bytes that one body holds. They are released on drop.
#[derive(Debug)]
pub(crate) struct BodyShare {
    budget: BodyBudget,
    tenant: Tenant,
    bytes: usize,
}

impl BodyBudget {
    pub(crate) fn new(limit: usize, weights: Weights) -> Self {
        Self(Arc::new(Mutex::new(Shares::new(limit, weights))))
    }

    /// Returns an empty share of a tenant.
    pub(crate) fn open(&self, tenant: &Tenant) -> BodyShare {
        BodyShare { budget: self.clone(), tenant: tenant.clone(), bytes: 0 }
    }

    fn shares(&self) -> MutexGuard<'_, Shares> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BodyShare {
    /// Adds bytes that have arrived. Announced bytes don't count, so that an announcement alone
    /// blocks no other request.
    ///
    /// # Errors
    /// Returns an error if the tenant's bodies would exceed its share.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), Problem> {
        self.budget.shares().take(&self.tenant, bytes).map_err(|ShareExceeded { limit }| {
            let detail = format!(
                "the tenant's request bodies in flight would exceed its limit of {limit} bytes \
                    now: try again in a moment"
            );
            Problem::new(ErrorCode::Overloaded, detail)
                .with("limit", limit)
                .retry_after(Duration::from_secs(1))
        })?;
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for BodyShare {
    fn drop(&mut self) {
        self.budget.shares().give(&self.tenant, self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(name: &str) -> Tenant {
        name.parse().unwrap()
    }

    #[test]
    fn a_tenant_stays_within_its_share_and_leaves_room_for_the_next() {
        let budget = BodyBudget::new(120, Weights::default());
        let (mut one, mut more) = (budget.open(&tenant("hog")), budget.open(&tenant("hog")));
        assert!(one.grow(40).is_ok() && more.grow(20).is_ok());
        let refused = more.grow(1).unwrap_err();
        assert_eq!((refused.kind, &refused.extensions["limit"]), (ErrorCode::Overloaded, &60.into()));
        assert_eq!(refused.wait(), Some(Duration::from_secs(1)));

        let mut other = budget.open(&tenant("other"));
        assert!(other.grow(30).is_ok());
        assert!(other.grow(1).is_err());
        drop(one);
        assert!(more.grow(20).is_ok(), "read bytes no longer count");
        drop((more, other));
        assert_eq!(budget.shares().all(), 0);
    }
}
