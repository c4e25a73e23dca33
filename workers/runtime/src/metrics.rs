//! What a worker has run.

use std::time::Duration;

use cortex_domain::flow::End;
use cortex_platform::metrics::{
    self, DURATION_BUCKETS, Histogram, IntCounter, IntCounterVec, IntGauge, Registry,
};

const SUCCEEDED: &str = "succeeded";

/// The metrics of one worker. A clone counts the same.
#[derive(Clone, Debug)]
pub struct Metrics {
    runs: IntCounterVec,
    succeeded: IntCounter,
    duration: Histogram,
    running: IntGauge,
    capacity: IntGauge,
    connected: IntGauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let runs =
            metrics::counters("cortex_worker_runs_total", "Runs that ended, by outcome.", &["outcome"]);
        Self {
            succeeded: runs.with_label_values(&[SUCCEEDED]),
            runs,
            duration: metrics::histogram(
                "cortex_worker_run_duration_seconds",
                "Time from the start of a run to its end.",
                DURATION_BUCKETS,
            ),
            running: metrics::gauge("cortex_worker_runs_in_flight", "Runs that have not ended."),
            capacity: metrics::gauge("cortex_worker_capacity", "Maximum number of runs at the same time."),
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

    /// Counts the end of a run, with an [`outcome`].
    pub(crate) fn ended(&self, outcome: &str, took: Duration) {
        match outcome {
            // The usual one is not looked up each time.
            SUCCEEDED => self.succeeded.inc(),
            other => self.runs.with_label_values(&[other]).inc(),
        }
        self.duration.observe(took.as_secs_f64());
    }
}

/// Returns the label of how a run ended. `None` is a run that the origin
/// stopped.
pub(crate) fn outcome(end: Option<&End>) -> &'static str {
    match end {
        None => "stopped",
        Some(End::Succeeded { .. }) => SUCCEEDED,
        Some(End::Failed { .. }) => "failed",
        Some(End::Returned) => "returned",
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
