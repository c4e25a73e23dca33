//! The scheduler's metrics.

use std::time::Duration;

use cortex_domain::policy::Decision;
use cortex_domain::ports::SafetyError;
use cortex_domain::state::StateName;
use cortex_platform::metrics::{
    self, DURATION_BUCKETS, Histogram, IntCounter, IntCounterVec, IntGaugeVec, Registry,
};

use crate::core::{DispatchOutcome, Snapshot};

/// Maximum number of workers with a label value of their own. The others are only in the sums of
/// their pools.
const MAX_WORKERS: usize = 50;

/// What the scheduler counts while it works.
#[derive(Debug)]
pub(super) struct Metrics {
    decisions: IntCounterVec,
    decision_time: Histogram,
    dispatches: IntCounterVec,
    lapsed: IntCounter,
    ended: IntCounterVec,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            decisions: metrics::counters(
                "cortex_policy_decisions_total",
                "Decisions of the safety kernel; `error` if it did not decide.",
                &["decision"],
            ),
            decision_time: metrics::histogram(
                "cortex_policy_decision_duration_seconds",
                "Time that the safety kernel took to decide.",
                DURATION_BUCKETS,
            ),
            dispatches: metrics::counters(
                "cortex_dispatches_total",
                "Jobs and calls sent to a worker, by its reply.",
                &["reply"],
            ),
            lapsed: metrics::counter(
                "cortex_leases_lapsed_total",
                "Attempts that ended because the worker sent no heartbeat or ran too long.",
            ),
            ended: metrics::counters(
                "cortex_jobs_ended_total",
                "Jobs and calls that ended while this process ran, by their last state.",
                &["state"],
            ),
        }
    }
}

impl Metrics {
    pub(super) fn decided(&self, decision: Result<&Decision, &SafetyError>, took: Duration) {
        let name = decision.map_or("error", Decision::name);
        self.decisions.with_label_values(&[&name.to_ascii_lowercase()]).inc();
        self.decision_time.observe(took.as_secs_f64());
    }

    pub(super) fn sent(&self, outcome: DispatchOutcome) {
        let reply = match outcome {
            DispatchOutcome::Accepted | DispatchOutcome::Started => "accepted",
            DispatchOutcome::Refused => "refused",
            DispatchOutcome::Unanswered => "unanswered",
        };
        self.dispatches.with_label_values(&[reply]).inc();
    }

    pub(super) fn lapsed(&self) {
        self.lapsed.inc();
    }

    /// Counts a job by the state that a change left it in.
    pub(super) fn reached(&self, state: StateName) {
        if state.is_terminal() {
            self.ended.with_label_values(&[state.as_str()]).inc();
        }
    }

    /// Adds the metrics to those of the process. `snapshot` is called whenever they are read.
    pub(super) fn register(
        &self,
        registry: &Registry,
        snapshot: impl Fn() -> Snapshot + Send + Sync + 'static,
    ) {
        registry.add(self.decisions.clone());
        registry.add(self.decision_time.clone());
        registry.add(self.dispatches.clone());
        registry.add(self.lapsed.clone());
        registry.add(self.ended.clone());
        registry.add_sampled(sampled(), move |gauges| set(gauges, &snapshot()));
    }
}

fn sampled() -> [IntGaugeVec; 10] {
    let of_pool = |name, help| metrics::gauges(name, help, &["pool"]);
    let of_worker = |name, help| metrics::gauges(name, help, &["worker"]);
    [
        of_pool("cortex_queue_depth", "Jobs and calls that wait for a worker of the pool."),
        of_pool(
            "cortex_queue_oldest_age_seconds",
            "How long the oldest job or call has waited for a worker of the pool.",
        ),
        of_pool("cortex_pool_workers", "Workers of the pool that are connected."),
        of_pool("cortex_pool_slots", "Slots of the pool's workers: how many jobs they can run at once."),
        of_pool("cortex_pool_slots_in_use", "Slots of the pool's workers that are in use."),
        of_worker("cortex_worker_slots", "Slots of the worker: how many jobs it can run at once."),
        of_worker("cortex_worker_slots_in_use", "Slots of the worker that are in use."),
        metrics::gauges("cortex_jobs_waiting", "Jobs that wait, by what they wait for.", &["for"]),
        metrics::gauges("cortex_calls_open", "Synchronous calls that have not ended.", &[]),
        metrics::gauges(
            "cortex_scheduler_shares",
            "Shares of the tenants that this scheduler owns, of 16.",
            &[],
        ),
    ]
}

fn set(gauges: &[IntGaugeVec; 10], snapshot: &Snapshot) {
    let [depth, age, workers, slots, in_use, worker_slots, worker_in_use, waiting, calls, shares] = gauges;
    for (pool, load) in &snapshot.pools {
        let set = |gauge: &IntGaugeVec, value: u64| {
            gauge.with_label_values(&[pool.as_str()]).set(value.cast_signed());
        };
        set(depth, load.queued as u64);
        set(age, load.oldest.as_secs());
        set(workers, load.workers as u64);
        set(slots, load.slots);
        set(in_use, load.slots_in_use);
    }
    for (worker, load) in snapshot.workers.iter().take(MAX_WORKERS) {
        worker_slots.with_label_values(&[worker.as_str()]).set(load.slots.into());
        worker_in_use.with_label_values(&[worker.as_str()]).set(load.slots_in_use.into());
    }
    let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    waiting.with_label_values(&["decision"]).set(number(snapshot.undecided));
    waiting.with_label_values(&["time"]).set(number(snapshot.delayed));
    calls.with_label_values::<&str>(&[]).set(number(snapshot.calls));
    shares.with_label_values::<&str>(&[]).set(number(snapshot.shares));
}
