//! The worker of each dispatch, so that a worker can't report on another's.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cortex_domain::id::{DispatchId, WorkerId};
use cortex_domain::worker::HeldLease;

/// Maximum number of remembered dispatches, far more than all workers run at the same time. The
/// oldest are forgotten first.
const MAX_ASSIGNED: usize = 65_536;
/// How many settled dispatches may stay in the order.
const MAX_SETTLED: usize = 1024;

/// The dispatches that were sent over any link of this process.
#[derive(Debug, Default)]
pub(super) struct Assigned(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    workers: HashMap<DispatchId, (WorkerId, HeldLease)>,
    /// Oldest first.
    order: VecDeque<DispatchId>,
}

/// Whether a dispatch belongs to a worker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ownership {
    Own,
    /// It belongs to another worker or another job.
    Other,
    /// It was sent before this process started, or never.
    Unknown,
}

impl Assigned {
    pub(super) fn add(&self, worker: &WorkerId, held: HeldLease) {
        let mut table = self.table();
        if table.workers.insert(held.lease.dispatch, (worker.clone(), held)).is_none() {
            table.order.push_back(held.lease.dispatch);
        }
        while table.order.len() > MAX_ASSIGNED
            && let Some(oldest) = table.order.pop_front()
        {
            table.workers.remove(&oldest);
        }
    }

    /// Forgets a settled dispatch. Its worker may send nothing more about it.
    pub(super) fn settled(&self, dispatch: DispatchId) {
        let mut table = self.table();
        table.workers.remove(&dispatch);
        if table.order.len() > 2 * table.workers.len() + MAX_SETTLED {
            let Table { workers, order } = &mut *table;
            order.retain(|dispatch| workers.contains_key(dispatch));
        }
    }

    pub(super) fn ownership(&self, worker: &WorkerId, held: HeldLease) -> Ownership {
        match self.table().workers.get(&held.lease.dispatch) {
            Some((of, as_sent)) if of == worker && *as_sent == held => Ownership::Own,
            Some(_) => Ownership::Other,
            None => Ownership::Unknown,
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use cortex_domain::id::JobId;
    use cortex_domain::state::{Attempt, Lease};
    use cortex_domain::time::Timestamp;

    use super::*;

    fn held(job: u8, attempt: u32, dispatch: u32) -> HeldLease {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&dispatch.to_be_bytes());
        HeldLease {
            job: JobId::mint(Timestamp::from_millis(1), [job; 10]),
            lease: Lease { attempt: Attempt(attempt), dispatch: DispatchId::new(bytes) },
        }
    }

    #[test]
    fn a_dispatch_belongs_to_the_worker_the_job_and_the_attempt_that_it_was_sent_for() {
        let (one, other): (WorkerId, WorkerId) = ("w1".parse().unwrap(), "w2".parse().unwrap());
        let assigned = Assigned::default();
        assigned.add(&one, held(1, 1, 7));
        assert_eq!(assigned.ownership(&one, held(1, 1, 7)), Ownership::Own);
        assert_eq!(assigned.ownership(&other, held(1, 1, 7)), Ownership::Other);
        assert_eq!(assigned.ownership(&one, held(2, 1, 7)), Ownership::Other);
        assert_eq!(assigned.ownership(&one, held(1, 9, 7)), Ownership::Other);
        assert_eq!(assigned.ownership(&one, held(1, 1, 8)), Ownership::Unknown);
    }

    #[test]
    fn settled_dispatches_leave_nothing() {
        let worker: WorkerId = "w1".parse().unwrap();
        let assigned = Assigned::default();
        assigned.add(&worker, held(1, 1, 0));
        for dispatch in 1..10_000 {
            let held = held(1, 1, dispatch);
            assigned.add(&worker, held);
            assigned.settled(held.lease.dispatch);
        }
        assert_eq!(assigned.ownership(&worker, held(1, 1, 0)), Ownership::Own);
        assert_eq!(assigned.ownership(&worker, held(1, 1, 9_999)), Ownership::Unknown);
        let table = assigned.table();
        assert_eq!(table.workers.len(), 1);
        assert!(table.order.len() <= MAX_SETTLED + 2, "{}", table.order.len());
    }

    #[test]
    fn the_oldest_dispatches_are_forgotten_first() {
        let worker: WorkerId = "w1".parse().unwrap();
        let assigned = Assigned::default();
        for dispatch in 0..=MAX_ASSIGNED as u32 {
            assigned.add(&worker, held(1, 1, dispatch));
        }
        assert_eq!(assigned.ownership(&worker, held(1, 1, 0)), Ownership::Unknown);
        assert_eq!(assigned.ownership(&worker, held(1, 1, 1)), Ownership::Own);
        assert_eq!(assigned.table().workers.len(), MAX_ASSIGNED);
    }
}
