//! A decision of the safety kernel, and the proof that it allowed a job.

use crate::state::Denial;
use crate::time::Timestamp;

/// The version of the policies that made a decision.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PolicyVersion(pub String);

/// Proof that a job may run: the policy and the rule that allowed it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Clearance {
    pub policy: PolicyVersion,
    pub rule: String,
}

/// A decision of the safety kernel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision(Verdict);

/// The content of a decision, for [`crate::policy::clear`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    Allow(Clearance),
    Deny(Denial),
    RequireHuman(Denial),
    Throttle { until: Timestamp },
}

impl Decision {
    /// Allows a job. Only the safety kernel and the decoder of its answers call this. A test of the
    /// workspace checks the callers.
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

    pub(crate) fn into_verdict(self) -> Verdict {
        self.0
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

    /// Returns the content of the decision for encoders, which must not be able to create an
    /// allowing one.
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

/// The readable content of a decision.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DecisionView<'a> {
    Allow(&'a Clearance),
    Deny(&'a Denial),
    RequireHuman(&'a Denial),
    Throttle { until: Timestamp },
}
