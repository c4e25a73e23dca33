//! How much each tenant is entitled to beside the others.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use crate::id::Tenant;

/// A tenant of weight three has three turns where one of weight one has one. A clone is the same table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Weights(Arc<BTreeMap<Tenant, NonZeroU32>>);

impl Weights {
    /// The heaviest that a tenant may be; more would leave the others a turn in a thousand.
    pub const MAX: u32 = 1000;

    /// Takes the weights of the tenants named; all others weigh one.
    #[must_use]
    pub fn new(named: BTreeMap<Tenant, NonZeroU32>) -> Self {
        Self(Arc::new(named))
    }

    #[must_use]
    pub fn of(&self, tenant: &Tenant) -> NonZeroU32 {
        self.0.get(tenant).copied().unwrap_or(NonZeroU32::MIN)
    }
}
