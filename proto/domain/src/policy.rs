//! The gate between what was accepted and what may be placed.

use std::collections::BTreeMap;

use crate::decision::Verdict;
pub use crate::decision::{Clearance, Decision, DecisionView, PolicyVersion};
use crate::flow::{Accepted, Cleared};
use crate::id::{JobId, ModelName};
use crate::job::{Approval, ContentDigest, CostEstimate, Job, Owner, Request};
use crate::pointer::Pointer;
use crate::state::{Attempt, Denial, Hold};
use crate::topic::Topic;

/// What the safety kernel is asked about: one attempt of a job, and every fact that a rule may read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PolicyRequest {
    pub job: JobId,
    /// The attempt that is to be made.
    pub attempt: Attempt,
    pub owner: Owner,
    pub topic: Topic,
    /// The model that the job is for, if it is known.
    pub model: Option<ModelName>,
    /// Where the input lies.
    pub context: Pointer,
    pub labels: BTreeMap<String, String>,
    /// SHA-256 of the input, if a door has computed it.
    pub content: Option<ContentDigest>,
    /// What the attempt may cost.
    pub estimate: CostEstimate,
    /// What people approved of this attempt, one approval of each rule.
    pub approvals: Vec<Approval>,
    /// W3C `traceparent` of the request that made the job.
    pub traceparent: Option<String>,
}

impl PolicyRequest {
    /// Returns the request about a job's next attempt.
    #[must_use]
    pub fn about(job: &Job) -> Self {
        let Request { id, owner, topic, model, labels, content, estimate, traceparent, .. } = &job.request;
        Self {
            job: *id,
            attempt: job.attempt.next(),
            owner: owner.clone(),
            topic: topic.clone(),
            model: model.clone(),
            context: job.context(),
            labels: labels.clone(),
            content: *content,
            estimate: *estimate,
            approvals: job.approvals.clone(),
            traceparent: traceparent.clone(),
        }
    }
}

/// What a decision makes of an accepted job.
#[derive(Debug)]
pub enum Gate {
    Passed(Cleared),
    Denied(Accepted, Denial),
    Held(Accepted, Hold),
}

/// Applies the kernel's decision: the only way from accepted to cleared.
#[must_use]
pub fn clear(accepted: Accepted, decision: Decision) -> Gate {
    match decision.into_verdict() {
        Verdict::Allow(clearance) => Gate::Passed(Cleared::new(accepted, clearance)),
        Verdict::Deny(denial) => Gate::Denied(accepted, denial),
        Verdict::RequireHuman(denial) => Gate::Held(accepted, Hold::Approval { denial }),
        Verdict::Throttle { until } => Gate::Held(accepted, Hold::Throttled { until }),
    }
}
