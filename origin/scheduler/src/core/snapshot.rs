//! What waits and what runs at one moment, for metrics.

use std::collections::BTreeMap;
use std::time::Duration;

use cortex_domain::id::{Pool, WorkerId};
use cortex_domain::time::Uptime;

use super::state::State;

/// The state in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Snapshot {
    pub(crate) pools: BTreeMap<Pool, PoolLoad>,
    pub(crate) workers: BTreeMap<WorkerId, WorkerLoad>,
    /// Jobs and calls that wait for the safety kernel.
    pub(crate) undecided: usize,
    /// Jobs that are delayed by a retry or by a limit of the safety kernel.
    pub(crate) delayed: usize,
    /// Synchronous calls that have not ended.
    pub(crate) calls: usize,
    /// Shares of the tenants that this scheduler owns.
    pub(crate) shares: usize,
}

/// The queue and the capacity of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct PoolLoad {
    pub(crate) queued: usize,
    /// How long the oldest queued job has waited.
    pub(crate) oldest: Duration,
    pub(crate) workers: usize,
    pub(crate) slots: u64,
    pub(crate) slots_in_use: u64,
}

/// The capacity and the load of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct WorkerLoad {
    pub(crate) slots: u32,
    pub(crate) slots_in_use: u32,
}

impl<R> State<R> {
    /// Returns the state in numbers.
    pub(crate) fn snapshot(&self, now: Uptime) -> Snapshot {
        let mut pools = BTreeMap::<Pool, PoolLoad>::new();
        for (pool, queued, since) in self.waiting.queues() {
            let load = pools.entry(pool.clone()).or_default();
            (load.queued, load.oldest) = (queued, now.since(since));
        }
        let mut workers = BTreeMap::new();
        for worker in self.fleet.workers() {
            let load = pools.entry(worker.pool.clone()).or_default();
            load.workers += 1;
            load.slots += u64::from(worker.capacity);
            load.slots_in_use += u64::from(worker.in_flight);
            let own = WorkerLoad { slots: worker.capacity, slots_in_use: worker.in_flight };
            workers.insert(worker.worker.clone(), own);
        }
        let (undecided, delayed) = (self.waiting.undecided(), self.waiting.delayed());
        let (calls, shares) = (self.calls_by_end.len(), self.terms.iter().count());
        Snapshot { pools, workers, undecided, delayed, calls, shares }
    }
}
