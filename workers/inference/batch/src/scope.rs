//! Who pays, and who may find what was computed.

use std::sync::Arc;

/// Who pays.
pub type Tenant = Arc<str>;

/// Who may find a block: how many of a prompt's tokens were found tells its sender whether somebody computed them
/// before, so a tenant finds its own alone, and what the operator marked as everybody's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Scope {
    Shared,
    Own(Tenant),
}
