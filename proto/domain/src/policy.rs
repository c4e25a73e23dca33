//! The gate between acceptance and placement.

use std::collections::BTreeMap;

use crate::decision::Verdict;
pub use crate::decision::{Clearance, Decision, DecisionView, PolicyVersion};
use crate::flow::{Accepted, Cleared};
use crate::id::{JobId, ModelName};
use crate::job::{Approval, ContentDigest, CostEstimate, Job, Owner, Request};
use crate::pointer::Pointer;
use crate::state::{Attempt, Denial, Hold};
use crate::topic::Topic;

/// A request to the safety kernel: one attempt of a job, and every fact that a rule may read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PolicyRequest {
    pub job: JobId,
    /// The next attempt.
    pub attempt: Attempt,
    pub owner: Owner,
    pub topic: Topic,
    /// The model of the job, if known.
    pub model: Option<ModelName>,
    /// The pointer to the input.
    pub context: Pointer,
    pub labels: BTreeMap<String, String>,
    /// SHA-256 of the input, if the edge or the gateway has computed it.
    pub content: Option<ContentDigest>,
    /// The estimated cost of the attempt.
    pub estimate: CostEstimate,
    /// The approvals of this attempt, at most one for each rule.
    pub approvals: Vec<Approval>,
    /// W3C `traceparent` of the request that created the job.
    pub traceparent: Option<String>,
}

impl PolicyRequest {
    /// Returns the policy request for a job's next attempt.
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

/// The result of applying a decision to an accepted job.
#[derive(Debug)]
pub enum Gate {
    Passed(Cleared),
    Denied(Accepted, Denial),
    Held(Accepted, Hold),
}

/// Applies the kernel's decision. No other function turns an accepted job into a cleared one.
#[must_use]
pub fn clear(accepted: Accepted, decision: Decision) -> Gate {
    match decision.into_verdict() {
        Verdict::Allow(clearance) => Gate::Passed(Cleared::new(accepted, clearance)),
        Verdict::Deny(denial) => Gate::Denied(accepted, denial),
        Verdict::RequireHuman(denial) => Gate::Held(accepted, Hold::Approval { denial }),
        Verdict::Throttle { until } => Gate::Held(accepted, Hold::Throttled { until }),
    }
}
