//! What has to be provable later.

use crate::id::{Principal, Tenant};
use crate::time::Timestamp;

/// One line for the audit log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditEvent {
    pub at: Timestamp,
    pub tenant: Tenant,
    pub principal: Principal,
    /// What was done, e.g. `policy.check`.
    pub action: String,
    /// What it was done to, e.g. a job's id.
    pub subject: String,
    /// What was decided, e.g. `ALLOW`.
    pub decision: String,
    pub detail: String,
    /// W3C `traceparent` of the request that led to it.
    pub traceparent: Option<String>,
}
