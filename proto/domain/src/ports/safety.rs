//! The safety kernel.

use super::Answer;
use crate::policy::{Decision, PolicyRequest};
use crate::time::Timestamp;

/// The safety kernel is unreachable. The job may not run.
#[derive(Debug, thiserror::Error)]
#[error("the safety kernel could not be asked: {0}")]
pub struct SafetyError(pub String);

/// The safety kernel.
pub trait SafetyGate: Send + Sync + 'static {
    fn check(&self, request: PolicyRequest, now: Timestamp) -> Answer<'_, Result<Decision, SafetyError>>;
}
