//! The kernel in the same process.

use std::sync::Arc;

use cortex_domain::policy::{Decision, PolicyRequest};
use cortex_domain::ports::{Answer, SafetyError, SafetyGate};
use cortex_domain::time::Timestamp;
use cortex_platform::metrics::{self, IntCounterVec, Registry};

use crate::decide::decide;
use crate::policies::Policies;

/// A kernel that decides by its policies.
#[derive(Clone, Debug)]
pub struct Kernel {
    policies: Arc<Policies>,
    /// The number of decisions of each kind.
    decisions: IntCounterVec,
}

impl Kernel {
    #[must_use]
    pub fn new(policies: Policies) -> Self {
        let decisions = metrics::counters(
            "cortex_safety_decisions_total",
            "Decisions of this safety kernel.",
            &["decision"],
        );
        Self { policies: Arc::new(policies), decisions }
    }

    /// Adds the kernel's metrics to those of the process.
    pub fn register(&self, registry: &Registry) {
        registry.add(self.decisions.clone());
    }

    /// Decides about a request, and writes the decision to the log.
    #[must_use]
    pub fn decide(&self, request: &PolicyRequest) -> Decision {
        let decision = decide(&self.policies, request);
        self.decisions.with_label_values(&[&decision.name().to_ascii_lowercase()]).inc();
        tracing::debug!(
            decision = decision.name(),
            tenant = %request.owner.tenant,
            topic = %request.topic,
            policy = %self.policies.version().0,
            "policy check"
        );
        decision
    }
}

impl SafetyGate for Kernel {
    fn check(&self, request: PolicyRequest, _now: Timestamp) -> Answer<'_, Result<Decision, SafetyError>> {
        Box::pin(std::future::ready(Ok(self.decide(&request))))
    }
}
