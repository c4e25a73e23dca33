//! What the workers' links carry.

use std::collections::BTreeMap;

use cortex_domain::id::Pool;
use cortex_platform::metrics::{self, IntCounter, IntCounterVec, Registry};

/// The metrics of the origin's end.
#[derive(Debug)]
pub(crate) struct Metrics {
    frames: IntCounterVec,
    pub(crate) received: IntCounter,
    pub(crate) sent: IntCounter,
    pub(crate) dropped: IntCounter,
}

impl Default for Metrics {
    fn default() -> Self {
        let frames = metrics::counters(
            "cortex_link_frames_total",
            "Frames between the origin and its workers, by direction as the origin sees it.",
            &["direction"],
        );
        Self {
            received: frames.with_label_values(&["received"]),
            sent: frames.with_label_values(&["sent"]),
            frames,
            dropped: metrics::counter(
                "cortex_link_frames_dropped_total",
                "Frames that a worker had no right to send.",
            ),
        }
    }
}

impl Metrics {
    /// Adds the metrics to those of the process. `links` returns the open links of each pool.
    pub(crate) fn register(
        &self,
        registry: &Registry,
        links: impl Fn() -> BTreeMap<Pool, u32> + Send + Sync + 'static,
    ) {
        registry.add(self.frames.clone());
        registry.add(self.dropped.clone());
        let open = metrics::gauges("cortex_link_workers", "Workers whose link is open.", &["pool"]);
        registry.add_sampled([open], move |[open]| {
            for (pool, workers) in links() {
                open.with_label_values(&[pool.as_str()]).set(workers.into());
            }
        });
    }
}
