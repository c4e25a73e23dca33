//! From the queue to a worker, as long as a worker has room.

use std::time::Duration;

use cortex_domain::call::CallRefusal;
use cortex_domain::event::Event;
use cortex_domain::flow::{Accepted, Assignment};
use cortex_domain::id::{JobId, Pool, WorkerId};
use cortex_domain::job::Job;
use cortex_domain::placement::{Candidate, PlacementRequest};
use cortex_domain::share::Share;
use cortex_domain::state::{Lease, Target};
use cortex_domain::transition::Change;
use cortex_domain::worker::HeldLease;

use super::action::Action;
use super::input::DispatchOutcome;
use super::note::Note;
use super::state::{State, StepContext};
use super::tracked::{Asker, JobKind, Phase, Report, Slot, Tracked, effects_of};
use super::waiting::QueuedJob;

/// The scheduler does not act on a clearance that is older than this, because the policies may have
/// changed.
const CLEARANCE_LIFETIME: Duration = Duration::from_secs(5);
/// Maximum number of unknown leases of one heartbeat to look up. The next heartbeat lists the
/// others again.
const MAX_LOOKUPS: usize = 16;
/// Maximum number of jobs to remember with the worker that returned them. Other jobs may go to any
/// worker, including that one.
const MAX_RETURNED_BY: usize = 4096;

impl<R> State<R> {
    /// Records a worker's heartbeat. It renews the leases that it lists, and says that those runs
    /// have started. For an unknown lease, the store is asked whether it is valid.
    pub(super) fn heartbeat(
        &mut self,
        worker: Candidate,
        held: &[HeldLease],
        step: &mut StepContext<'_, '_, R>,
    ) {
        let id = worker.worker.clone();
        let (held, others): (Vec<HeldLease>, Vec<HeldLease>) =
            held.iter().partition(|held| self.owns(held.lease.dispatch.share()));
        // Slots that other schedulers use are not free either.
        let in_flight = u32::try_from(others.len()).unwrap_or(u32::MAX);
        self.fleet.heartbeat(Candidate { in_flight, ..worker }, &held, step.now.awake);
        self.may_place = true;
        let mut looked_up = 0;
        for HeldLease { job, lease } in held {
            match self.fleet.job(lease) {
                Some(job) if self.jobs.get(&job).is_some_and(|tracked| tracked.waits_for_start(lease)) => {
                    self.reported(job, Event::Started { lease, worker: id.clone() }, id.clone(), step);
                }
                Some(_) => {}
                None if looked_up < MAX_LOOKUPS && !self.stopped => {
                    looked_up += 1;
                    self.report(job, Report::from_heartbeat(id.clone(), lease), step);
                }
                None => {}
            }
        }
    }

    /// Places every job that can be placed.
    pub(super) fn place_all(&mut self, step: &mut StepContext<'_, '_, R>) {
        for pool in self.waiting.pools() {
            while let Some((queued, slot)) = self.next(&pool, step) {
                let id = queued.cleared.job().id();
                let Some(tracked) = self.jobs.remove(&id) else {
                    self.fleet.end(slot.dispatch);
                    continue;
                };
                if is_fresh(&queued, step) {
                    self.place(id, tracked, queued, slot, step);
                } else if let Ok(accepted) = Accepted::recalled(queued.cleared.into_job()) {
                    // The job keeps its turn. Otherwise every job that waited as long would need a
                    // new decision for each free slot.
                    self.ask(id, tracked, accepted, Some(slot), step);
                }
            }
        }
    }

    /// Returns the next job of a pool, with a slot on the best worker with room.
    fn next(&mut self, pool: &Pool, step: &mut StepContext<'_, '_, R>) -> Option<(QueuedJob, Slot)> {
        let fleet = &self.fleet;
        let queued = self.waiting.first(pool, |topic| fleet.has_room(pool, topic))?;
        let first = queued.cleared.job();
        // The job keeps its turn until a request for a new decision is free.
        if !is_fresh(queued, step) && !self.asks.has_room(Asker::of(first)) {
            return None;
        }
        let (job, tenant) = (first.id(), first.tenant().clone());
        let (model, avoid) = (first.request.model.as_ref(), self.returned_by.get(&job));
        let wanted = PlacementRequest { job, pool, topic: first.topic(), model, avoid };
        let dispatch = (step.now.dispatch)().in_share(Share::of(&tenant));
        let worker = self.fleet.reserve(wanted, dispatch)?;
        let queued = self.waiting.take(job)?;
        self.returned_by.remove(&job);
        self.charged_tenants.insert(dispatch, (pool.clone(), tenant));
        Some((queued, Slot { worker, dispatch }))
    }

    /// Remembers which worker returned a job.
    pub(super) fn note_returned(&mut self, job: JobId, worker: WorkerId) {
        self.returned_by.insert(job, worker);
        if self.returned_by.len() > MAX_RETURNED_BY {
            self.returned_by.pop_first();
        }
    }

    /// Gives a cleared job its lease and sends it. A durable job is sent after the commit.
    pub(super) fn place(
        &mut self,
        id: JobId,
        mut tracked: Tracked<R>,
        queued: QueuedJob,
        slot: Slot,
        step: &mut StepContext<'_, '_, R>,
    ) {
        let tenant = queued.cleared.job().tenant().clone();
        let lease = Lease { attempt: queued.cleared.job().attempt.next(), dispatch: slot.dispatch };
        let placed = queued.cleared.place(Target::Worker(slot.worker.clone()), lease, step.now.wall);
        let Ok(placed) = placed else {
            self.end_dispatch(slot.dispatch);
            step.note(Note::Unplaced { job: id });
            // This can't happen, because the lease is for the next attempt. A durable job starts
            // again from the store.
            return match tracked.kind {
                JobKind::Call(_) => self.refuse_without_job(id, tracked, &tenant, step),
                JobKind::Durable => {
                    self.untrack(id, tracked);
                }
            };
        };
        let (change, assignment) = placed.into_parts();
        let assignment = Box::new(assignment);
        match &mut tracked.kind {
            JobKind::Durable => {
                let audit = effects_of(std::mem::take(&mut tracked.audit));
                let change = self.under_term(audit.into_iter().fold(change, Change::with));
                tracked.phase = Phase::Placing { assignment, slot };
                self.track(id, tracked);
                step.actions.push(Action::Commit { change: Box::new(change) });
            }
            JobKind::Call(call) => {
                call.log.extend_from_slice(change.entries());
                let job = Box::new(change.into_job());
                let entries = std::mem::take(&mut tracked.audit);
                tracked.phase = Phase::Recording { job, assignment, slot };
                self.track(id, tracked);
                let term = self.terms.of(&tenant);
                step.actions.push(Action::Record { job: id, lease, entries, term });
            }
        }
    }

    /// Handles the outcome of [`Action::Record`]. A call without recorded entries is not sent.
    pub(super) fn recorded(
        &mut self,
        id: JobId,
        lease: Lease,
        taken: bool,
        step: &mut StepContext<'_, '_, R>,
    ) {
        let Some(mut tracked) = self.jobs.remove(&id) else { return };
        let (job, assignment, slot) = match tracked.phase {
            Phase::Recording { job, assignment, slot } if assignment.lease() == lease => {
                (job, assignment, slot)
            }
            _ => return self.track(id, tracked),
        };
        tracked.phase = Phase::Queued;
        if !taken {
            self.end_dispatch(slot.dispatch);
            return self.refuse(id, tracked, *job, CallRefusal::Overloaded, step);
        }
        let reports = std::mem::take(&mut tracked.inbox);
        let detached = matches!(&tracked.kind, JobKind::Call(call) if call.detached);
        self.send(id, tracked, job, assignment, &slot.worker, step);
        for report in reports {
            self.report(id, report, step);
        }
        if detached {
            self.detached(id, step);
        }
    }

    /// Sends a job that has its lease.
    pub(super) fn send(
        &mut self,
        id: JobId,
        mut tracked: Tracked<R>,
        job: Box<Job>,
        assignment: Box<Assignment>,
        worker: &WorkerId,
        step: &mut StepContext<'_, '_, R>,
    ) {
        let lease = assignment.lease();
        self.fleet.grant(id, lease, worker, job.request.limits.run, step.now.awake);
        tracked.phase = Phase::InFlight { job, lease };
        self.track(id, tracked);
        step.actions.push(Action::Send { assignment });
    }

    /// Handles the outcome of [`Action::Send`].
    pub(super) fn sent(
        &mut self,
        id: JobId,
        lease: Lease,
        worker: WorkerId,
        outcome: DispatchOutcome,
        step: &mut StepContext<'_, '_, R>,
    ) {
        let started = || Event::Started { lease, worker: worker.clone() };
        let events = match outcome {
            DispatchOutcome::Accepted => vec![Event::Dispatched { lease }],
            DispatchOutcome::Started => vec![Event::Dispatched { lease }, started()],
            DispatchOutcome::Refused => {
                // The worker gets no more jobs until its next heartbeat says that it has room.
                self.fleet.leave(&worker);
                vec![Event::Returned { lease }]
            }
            // The lease decides: it is renewed if the worker runs the job, and lapses otherwise.
            DispatchOutcome::Unanswered => vec![],
        };
        for event in events {
            // The job may have ended meanwhile. No other job has this lease.
            if self.jobs.contains_key(&id) {
                if let Event::Started { lease, .. } = &event {
                    self.fleet.started(*lease, &worker, step.now.awake);
                }
                self.report(id, Report::about_worker(worker.clone(), event), step);
            }
        }
    }
}

fn is_fresh<R>(queued: &QueuedJob, step: &StepContext<'_, '_, R>) -> bool {
    step.now.awake.since(queued.since) <= CLEARANCE_LIFETIME
}
