//! What a worker has run.

use std::time::Duration;

use cortex_domain::flow::End;
use cortex_platform::metrics::{self, DURATION_BUCKETS, Histogram, IntCounterVec, IntGauge, Registry};

/// The metrics of one worker. A clone counts the same.
#[derive(Clone, Debug)]
pub struct Metrics {
    runs: IntCounterVec,
    duration: Histogram,
    running: IntGauge,
    capacity: IntGauge,
    connected: IntGauge,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            runs: metrics::counters("cortex_worker_runs_total", "Runs that ended, by outcome.", &["outcome"]),
            duration: metrics::histogram(
                "cortex_worker_run_duration_seconds",
                "Time from the start of a run to its end.",
                DURATION_BUCKETS,
            ),
            running: metrics::gauge("cortex_worker_runs_in_flight", "Runs that have not ended."),
            capacity: metrics::gauge("cortex_worker_capacity", "Runs that the worker can hold at once."),
            connected: metrics::gauge("cortex_worker_connected", "1 while the link to the origin is up."),
        }
    }
}

impl Metrics {
    /// Adds the metrics to those of the process.
    pub fn register(&self, registry: &Registry) {
        registry.add(self.runs.clone());
        registry.add(self.duration.clone());
        registry.add(self.running.clone());
        registry.add(self.capacity.clone());
        registry.add(self.connected.clone());
    }

    pub(crate) fn set_capacity(&self, capacity: u32) {
        self.capacity.set(capacity.into());
    }

    pub(crate) fn set_connected(&self, connected: bool) {
        self.connected.set(connected.into());
    }

    /// Counts a run until the guard is dropped.
    pub(crate) fn start(&self) -> Running {
        self.running.inc();
        Running(self.running.clone())
    }

    /// Counts the end of a run; `None` for one that the origin stopped.
    pub(crate) fn ended(&self, end: Option<&End>, took: Duration) {
        let outcome = match end {
            None => "stopped",
            Some(End::Succeeded { .. }) => "succeeded",
            Some(End::Failed { .. }) => "failed",
            Some(End::Returned) => "returned",
        };
        self.runs.with_label_values(&[outcome]).inc();
        self.duration.observe(took.as_secs_f64());
    }
}

/// A run that has not ended.
#[derive(Debug)]
pub(crate) struct Running(IntGauge);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.dec();
    }
}
