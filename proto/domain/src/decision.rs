//! What the safety kernel decided, and the proof that it let a job pass.

use crate::state::Denial;
use crate::time::Timestamp;

/// Which edition of the policies decided.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PolicyVersion(pub String);

/// Proof that a job may pass: which rule of which policy let it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Clearance {
    pub policy: PolicyVersion,
    pub rule: String,
}

/// The kernel's answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision(Verdict);

/// What a decision says, for [`crate::policy::clear`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
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
