//! The kernel in the same process.

use std::sync::Arc;

use cortex_domain::policy::{Decision, PolicyRequest};
use cortex_domain::ports::{Answer, SafetyError, SafetyGate};
use cortex_domain::time::Timestamp;

use crate::decide::decide;
use crate::policies::Policies;

/// Decides by the policies it was given.
#[derive(Clone, Debug)]
pub struct Kernel {
    policies: Arc<Policies>,
}

impl Kernel {
    #[must_use]
    pub fn new(policies: Policies) -> Self {
        Self { policies: Arc::new(policies) }
    }

    /// The decision, and a line in the log for it.
    #[must_use]
    pub fn decide(&self, request: &PolicyRequest) -> Decision {
        let decision = decide(&self.policies, request);
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
