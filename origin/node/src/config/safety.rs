//! The safety kernel of a node.

use cortex_safety::Policies;

/// Where the safety kernel runs.
#[derive(Debug, Clone)]
pub enum SafetyConfig {
    /// In this process, with these policies.
    Local(Policies),
    /// In another process on this machine, at `host:port`.
    Remote(String),
}

impl SafetyConfig {
    pub(super) fn new(policies: Policies, kernel: Option<String>) -> Self {
        match kernel {
            Some(address) => Self::Remote(address),
            None => Self::Local(policies),
        }
    }
}
