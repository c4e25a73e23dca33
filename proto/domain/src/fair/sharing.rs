//! The resources that an origin shares among its tenants.

use crate::fair::Weights;

/// The size of each resource that all tenants share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sharing {
    /// Synchronous calls and waits that may be open at the same time.
    pub calls: usize,
    /// Durable jobs queued in memory. Further jobs wait in the store.
    pub queue: usize,
    /// Requests to the safety kernel that may be open at the same time for calls, and the same
    /// number for durable jobs.
    pub asks: usize,
    pub weights: Weights,
}

impl Default for Sharing {
    /// The defaults allow a single tenant 4,096 open calls and 20,000 queued jobs.
    fn default() -> Self {
        Self { calls: 8192, queue: 40_000, asks: 256, weights: Weights::default() }
    }
}
