//! What the safety kernel decided, as it is told on `sys.audit.event`.
//!
//! It is told and not kept: nothing in this program listens, so that no line of it outlives the moment. What stays of a
//! decision is the job's own log, which names the rule, and a line of the process's log at the level `debug`.

use crate::id::{Principal, Tenant};
use crate::time::Timestamp;

/// One line of what was decided, for whoever listens. It is no record: it may be lost, and nothing stores it.
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
