//! The audit log's entries. An entry about a decision is committed with the change that the decision led to.

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

impl AuditEvent {
    /// Returns the entry about a decision on a job.
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
