//! Measures how long writes take.

use cortex_platform::metrics::{self, DURATION_BUCKETS, Histogram, Registry};

const GROUP_BUCKETS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// The store's metrics. A clone counts into the same metrics.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    /// From the queue to the response.
    pub(crate) commit: Histogram,
    /// `COMMIT` alone, which flushes the file.
    pub(crate) flush: Histogram,
    /// Writes of one transaction.
    pub(crate) group: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            commit: metrics::histogram(
                "cortex_store_commit_duration_seconds",
                "Time from a write being queued to its flush.",
                DURATION_BUCKETS,
            ),
            flush: metrics::histogram(
                "cortex_store_flush_duration_seconds",
                "Time of one flush, which all writes of a group share.",
                DURATION_BUCKETS,
            ),
            group: metrics::histogram(
                "cortex_store_group_writes",
                "Writes that shared one flush.",
                GROUP_BUCKETS,
            ),
        }
    }
}

impl Metrics {
    pub(crate) fn register(&self, registry: &Registry) {
        registry.add(self.commit.clone());
        registry.add(self.flush.clone());
        registry.add(self.group.clone());
    }
}
