//! The entries of the audit log. The store commits an entry about a decision together with the
//! change that the decision caused.

use crate::decision::{Decision, DecisionView};
use crate::id::{Principal, Tenant};
use crate::job::{Job, Owner};
use crate::time::Timestamp;

/// An entry of the audit log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditEvent {
    pub at: Timestamp,
    pub tenant: Tenant,
    pub principal: Principal,
    /// The action, e.g. `policy.check`.
    pub action: String,
    /// The object of the action, e.g. a job's id.
    pub subject: String,
    /// The decision, e.g. `ALLOW`.
    pub decision: String,
    pub detail: String,
    /// W3C `traceparent` of the request that caused it.
    pub traceparent: Option<String>,
}

impl AuditEvent {
    /// Returns the entry for a decision about a job.
    #[must_use]
    pub fn of_decision(job: &Job, decision: &Decision, at: Timestamp) -> Self {
        let Owner { tenant, principal, .. } = &job.request.owner;
        Self {
            at,
            tenant: tenant.clone(),
            principal: principal.clone(),
            action: "policy.check".to_owned(),
            subject: job.id().to_string(),
            decision: decision.name().to_owned(),
            detail: match decision.view() {
                DecisionView::Allow(clearance) => clearance.rule.clone(),
                DecisionView::Deny(denial) | DecisionView::RequireHuman(denial) => denial.rule.clone(),
                DecisionView::Throttle { until } => format!("until {until}"),
            },
            traceparent: job.request.traceparent.clone(),
        }
    }
}
