//! Tenants, and who may find cached blocks.

use std::sync::Arc;

/// The tenant that pays for a sequence.
pub type Tenant = Arc<str>;

/// Who may find a block. The number of cached tokens reveals to a caller whether its text was
/// computed before. So a tenant finds only its own blocks, and those that the operator marked as
/// shared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Scope {
    Shared,
    Own(Tenant),
}
