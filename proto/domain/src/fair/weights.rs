//! The weight of each tenant relative to the others.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use crate::id::Tenant;

/// A tenant of weight three gets three turns for each turn of a tenant of weight one. Clones share
/// the same table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Weights(Arc<BTreeMap<Tenant, NonZeroU32>>);

impl Weights {
    /// The largest weight. A larger one would leave the others less than one turn in a thousand.
    pub const MAX: u32 = 1000;

    /// Creates a table of weights. Tenants that it does not name have weight one.
    #[must_use]
    pub fn new(named: BTreeMap<Tenant, NonZeroU32>) -> Self {
        Self(Arc::new(named))
    }

    #[must_use]
    pub fn of(&self, tenant: &Tenant) -> NonZeroU32 {
        self.0.get(tenant).copied().unwrap_or(NonZeroU32::MIN)
    }
}
