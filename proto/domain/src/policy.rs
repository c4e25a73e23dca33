//! The gate between what was accepted and what may be placed.

use std::collections::BTreeMap;

use crate::flow::{Accepted, Cleared};
use crate::id::{JobId, ModelName};
use crate::job::{Approval, ContentDigest, CostEstimate, Job, Owner, Request};
use crate::pointer::Pointer;
use crate::state::{Attempt, Denial, Hold};
use crate::time::Timestamp;
use crate::topic::Topic;

/// Which edition of the policies decided.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PolicyVersion(pub String);

/// Proof that a job may pass: which rule of which policy let it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Clearance {
    pub policy: PolicyVersion,
    pub rule: String,
}

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

/// The kernel's answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision(Verdict);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Verdict {
    Allow(Clearance),
    Deny(Denial),
    RequireHuman(Denial),
    Throttle { until: Timestamp },
}

impl Decision {
    /// Lets the job pass. Called by the safety kernel and the decoder of its answers, and nowhere else:
    /// a test of the workspace checks that.
    #[must_use]
    pub fn allow(clearance: Clearance) -> Self {
        Self(Verdict::Allow(clearance))
    }

    #[must_use]
    pub fn deny(denial: Denial) -> Self {
        Self(Verdict::Deny(denial))
    }

    #[must_use]
    pub fn require_human(denial: Denial) -> Self {
        Self(Verdict::RequireHuman(denial))
    }

    #[must_use]
    pub fn throttle(until: Timestamp) -> Self {
        Self(Verdict::Throttle { until })
    }

    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.0 {
            Verdict::Allow(_) => "ALLOW",
            Verdict::Deny(_) => "DENY",
            Verdict::RequireHuman(_) => "REQUIRE_HUMAN",
            Verdict::Throttle { .. } => "THROTTLE",
        }
    }

    /// For encoders: what the decision says, without the power to make an allowing one.
    #[must_use]
    pub fn view(&self) -> DecisionView<'_> {
        match &self.0 {
            Verdict::Allow(clearance) => DecisionView::Allow(clearance),
            Verdict::Deny(denial) => DecisionView::Deny(denial),
            Verdict::RequireHuman(denial) => DecisionView::RequireHuman(denial),
            Verdict::Throttle { until } => DecisionView::Throttle { until: *until },
        }
    }
}

/// A decision to read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DecisionView<'a> {
    Allow(&'a Clearance),
    Deny(&'a Denial),
    RequireHuman(&'a Denial),
    Throttle { until: Timestamp },
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
    match decision.0 {
        Verdict::Allow(clearance) => Gate::Passed(Cleared::new(accepted, clearance)),
        Verdict::Deny(denial) => Gate::Denied(accepted, denial),
        Verdict::RequireHuman(denial) => Gate::Held(accepted, Hold::Approval { denial }),
        Verdict::Throttle { until } => Gate::Held(accepted, Hold::Throttled { until }),
    }
}
