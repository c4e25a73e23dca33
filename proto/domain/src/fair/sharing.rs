//! What an origin has to share out.

use crate::fair::Weights;

/// How much there is of what all tenants fill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sharing {
    /// Synchronous calls and waits that are open at once.
    pub calls: usize,
    /// Durable jobs that are queued in memory; the others wait in the store.
    pub queue: usize,
    /// Requests to the safety kernel that are open at once for calls, and as many for durable jobs.
    pub asks: usize,
    pub weights: Weights,
}

impl Default for Sharing {
    /// Enough that one tenant alone has 4,096 calls open and 20,000 jobs queued.
    fn default() -> Self {
        Self { calls: 8192, queue: 40_000, asks: 256, weights: Weights::default() }
    }
}
