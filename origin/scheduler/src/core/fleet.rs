//! The connected workers and the leases they hold. This module has no clock: the caller passes the
//! time.

use std::collections::BTreeMap;
use std::time::Duration;

use cortex_domain::id::{DispatchId, JobId, Pool, WorkerId};
use cortex_domain::placement::{self, Candidate, PlacementRequest};
use cortex_domain::state::{FailureKind, Lease};
use cortex_domain::time::Uptime;
use cortex_domain::topic::Topic;
use cortex_domain::worker;

/// A lease that a worker holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WorkerLease {
    pub(crate) job: JobId,
    pub(crate) lease: Lease,
    pub(crate) worker: WorkerId,
    renewed: Uptime,
    started: Option<Uptime>,
    run: Duration,
}

/// Workers and leases.
#[derive(Debug, Default)]
pub(crate) struct Fleet {
    workers: BTreeMap<WorkerId, Candidate>,
    /// Slots that are reserved for a dispatch, before and after its lease is granted.
    slots: BTreeMap<DispatchId, WorkerId>,
    leases: BTreeMap<DispatchId, WorkerLease>,
}

impl Fleet {
    /// Records a heartbeat, which renews the leases that it lists. `seen.in_flight` is the number of
    /// jobs that other schedulers have sent to the worker.
    pub(crate) fn heartbeat(&mut self, seen: Candidate, holds: &[worker::HeldLease], now: Uptime) {
        let in_flight = self.slots.values().filter(|worker| **worker == seen.worker).count();
        let in_flight = u32::try_from(in_flight).unwrap_or(u32::MAX).saturating_add(seen.in_flight);
        for held in holds {
            // A worker runs what it holds. The message about the start may have been lost.
            self.started(held.lease, &seen.worker, now);
        }
        self.workers.insert(seen.worker.clone(), Candidate { in_flight, last_seen: now, ..seen });
    }

    /// Removes a worker that said goodbye, or that lost its connection.
    pub(crate) fn leave(&mut self, worker: &WorkerId) {
        self.workers.remove(worker);
    }

    /// Reserves a slot for a dispatch on the best worker with room.
    pub(crate) fn reserve(&mut self, wanted: PlacementRequest<'_>, dispatch: DispatchId) -> Option<WorkerId> {
        let worker = placement::choose(self.workers.values(), wanted)?.worker.clone();
        self.occupy(dispatch, &worker);
        Some(worker)
    }

    pub(crate) fn workers(&self) -> impl Iterator<Item = &Candidate> {
        self.workers.values()
    }

    /// Returns whether a worker of the pool has room for a job of the topic.
    pub(crate) fn has_room(&self, pool: &Pool, topic: &Topic) -> bool {
        placement::has_room(self.workers.values(), pool, topic)
    }

    /// Returns whether a dispatch is still open.
    pub(crate) fn has(&self, dispatch: DispatchId) -> bool {
        self.slots.contains_key(&dispatch)
    }

    /// Starts the period of a lease. Reserves the slot if it is not reserved, as after a restart.
    pub(crate) fn grant(&mut self, job: JobId, lease: Lease, worker: &WorkerId, run: Duration, now: Uptime) {
        self.occupy(lease.dispatch, worker);
        let held = WorkerLease { job, lease, worker: worker.clone(), renewed: now, started: None, run };
        self.leases.insert(lease.dispatch, held);
    }

    /// Starts the running time of a job that is known to run. Does nothing if it had started.
    pub(crate) fn runs(&mut self, lease: Lease, now: Uptime) {
        if let Some(held) = self.held(lease)
            && held.started.is_none()
        {
            held.started = Some(now);
            held.renewed = now;
        }
    }

    /// Starts the running time of a job because its worker reported the start. This also renews the
    /// lease.
    pub(crate) fn started(&mut self, lease: Lease, worker: &WorkerId, now: Uptime) {
        if let Some(held) = self.held(lease).filter(|held| held.worker == *worker) {
            held.started.get_or_insert(now);
            held.renewed = now;
        }
    }

    /// Returns the job of a lease.
    pub(crate) fn job(&self, lease: Lease) -> Option<JobId> {
        self.leases.get(&lease.dispatch).filter(|held| held.lease == lease).map(|held| held.job)
    }

    fn held(&mut self, lease: Lease) -> Option<&mut WorkerLease> {
        self.leases.get_mut(&lease.dispatch).filter(|held| held.lease == lease)
    }

    /// Ends a dispatch and frees its slot.
    pub(crate) fn end(&mut self, dispatch: DispatchId) {
        self.leases.remove(&dispatch);
        if let Some(worker) = self.slots.remove(&dispatch)
            && let Some(candidate) = self.workers.get_mut(&worker)
        {
            candidate.in_flight = candidate.in_flight.saturating_sub(1);
        }
    }

    /// Returns the leases of workers that sent no heartbeat for `period`, and of jobs that exceed
    /// their time limit. Workers that were silent that long are removed.
    pub(crate) fn overdue(
        &mut self,
        period: Duration,
        now: Uptime,
    ) -> impl Iterator<Item = (&WorkerLease, FailureKind)> {
        self.workers.retain(|_, worker| now.since(worker.last_seen) <= period);
        let why = move |held: &WorkerLease| {
            if now.since(held.renewed) > period {
                Some(FailureKind::Silent)
            } else if held.started.is_some_and(|started| now.since(started) > held.run) {
                Some(FailureKind::Overran)
            } else {
                None
            }
        };
        self.leases.values().filter_map(move |held| Some((held, why(held)?)))
    }

    /// Returns the dispatches that have a slot or a lease.
    #[cfg(test)]
    pub(crate) fn dispatches(&self) -> std::collections::BTreeSet<DispatchId> {
        self.slots.keys().chain(self.leases.keys()).copied().collect()
    }

    fn occupy(&mut self, dispatch: DispatchId, worker: &WorkerId) {
        if self.slots.insert(dispatch, worker.clone()).is_none()
            && let Some(candidate) = self.workers.get_mut(worker)
        {
            candidate.in_flight += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use cortex_domain::state::Attempt;
    use cortex_domain::time::Timestamp;

    use super::*;

    const PERIOD: Duration = Duration::from_secs(10);

    fn at(seconds: u64) -> Uptime {
        Uptime::from_millis(seconds * 1000)
    }

    fn worker(capacity: u32) -> Candidate {
        Candidate {
            worker: "w1".parse().unwrap(),
            pool: "echo".parse().unwrap(),
            topics: vec!["job.echo".parse().unwrap()],
            capacity,
            in_flight: 0,
            draining: false,
            models: vec![],
            last_seen: Uptime::default(),
        }
    }

    fn lease(n: u8) -> Lease {
        Lease { attempt: Attempt(1), dispatch: DispatchId::new([n; 16]) }
    }

    fn job() -> JobId {
        JobId::mint(Timestamp::from_millis(1), [1; 10])
    }

    fn held(n: u8) -> worker::HeldLease {
        worker::HeldLease { job: job(), lease: lease(n) }
    }

    fn reserve(fleet: &mut Fleet, n: u8) -> bool {
        let (pool, topic) = ("echo".parse().unwrap(), "job.echo".parse().unwrap());
        let wanted = PlacementRequest { job: job(), pool: &pool, topic: &topic, model: None, avoid: None };
        fleet.reserve(wanted, lease(n).dispatch).is_some()
    }

    #[test]
    fn a_worker_takes_no_more_than_it_can_hold_and_heartbeats_do_not_forget_slots() {
        let mut fleet = Fleet::default();
        fleet.heartbeat(worker(2), &[], at(0));
        assert!(reserve(&mut fleet, 1) && reserve(&mut fleet, 2) && !reserve(&mut fleet, 3));
        fleet.heartbeat(worker(2), &[], at(1));
        assert!(!reserve(&mut fleet, 3));
        fleet.end(lease(1).dispatch);
        fleet.end(lease(1).dispatch);
        assert!(reserve(&mut fleet, 3) && !reserve(&mut fleet, 4));
    }

    #[test]
    fn only_a_lease_that_is_listed_is_renewed() {
        let mut fleet = Fleet::default();
        fleet.heartbeat(worker(2), &[], at(0));
        for n in [1, 2] {
            fleet.grant(job(), lease(n), &"w1".parse().unwrap(), PERIOD * 10, at(0));
        }
        fleet.heartbeat(worker(2), &[held(2)], at(8));
        let overdue: Vec<_> = fleet.overdue(PERIOD, at(11)).collect();
        assert_eq!(overdue.len(), 1);
        assert_eq!((overdue[0].0.lease, overdue[0].1), (lease(1), FailureKind::Silent));
    }

    #[test]
    fn running_time_counts_from_the_start() {
        let mut fleet = Fleet::default();
        fleet.grant(job(), lease(1), &"w1".parse().unwrap(), Duration::from_secs(5), at(0));
        fleet.started(lease(1), &"w1".parse().unwrap(), at(4));
        assert!(fleet.overdue(PERIOD, at(8)).next().is_none());
        assert_eq!(fleet.overdue(PERIOD, at(10)).next().unwrap().1, FailureKind::Overran);
    }

    #[test]
    fn only_its_own_worker_renews_a_lease() {
        let mut fleet = Fleet::default();
        fleet.grant(job(), lease(1), &"w1".parse().unwrap(), PERIOD * 10, at(0));
        fleet.runs(lease(1), at(1));
        fleet.runs(lease(1), at(8));
        fleet.started(lease(1), &"w2".parse().unwrap(), at(8));
        fleet.heartbeat(Candidate { worker: "w2".parse().unwrap(), ..worker(2) }, &[held(1)], at(8));
        assert_eq!(fleet.overdue(PERIOD, at(12)).next().unwrap().1, FailureKind::Silent);
    }

    #[test]
    fn heartbeats_do_not_extend_the_time_limit_of_a_run() {
        let mut fleet = Fleet::default();
        fleet.grant(job(), lease(1), &"w1".parse().unwrap(), Duration::from_secs(5), at(0));
        for second in 1..=6 {
            fleet.heartbeat(worker(2), &[held(1)], at(second));
            assert!(fleet.overdue(PERIOD, at(second)).next().is_none());
        }
        assert_eq!(fleet.overdue(PERIOD, at(7)).next().unwrap().1, FailureKind::Overran);
    }

    #[test]
    fn a_silent_worker_gets_no_more_jobs() {
        let mut fleet = Fleet::default();
        fleet.heartbeat(worker(2), &[], at(0));
        assert_eq!(fleet.overdue(PERIOD, at(11)).count(), 0);
        assert!(!reserve(&mut fleet, 1));
    }
}
