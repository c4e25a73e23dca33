//! From the queue to a worker, for as long as a worker has room.

use std::time::Duration;

use cortex_domain::call::CallRefusal;
use cortex_domain::event::Event;
use cortex_domain::flow::{Accepted, Assignment};
use cortex_domain::id::{JobId, Pool, WorkerId};
use cortex_domain::job::Job;
use cortex_domain::placement::{Candidate, PlacementRequest};
use cortex_domain::state::{Lease, Target};
use cortex_domain::transition::Change;
use cortex_domain::worker::HeldLease;

use super::action::Action;
use super::input::Sent;
use super::note::Note;
use super::state::{State, Step};
use super::tracked::{Asker, Kind, Phase, Report, Slot, Tracked, effects_of};
use super::waiting::Ticket;

/// A clearance older than this is not acted on: the policies may have changed.
const CLEARANCE_LIFETIME: Duration = Duration::from_secs(5);
/// How many leases of one heartbeat are looked up that are not known. The next heartbeat lists the others again.
const MAX_LOOKED_UP: usize = 16;
/// How many jobs it is known of which worker gave them back. Of the others any worker may have them again.
const MAX_GAVE_BACK: usize = 4096;

impl<R> State<R> {
    /// A worker says what it is; that renews the leases it lists, and says that those runs have begun. Of a lease that is not
    /// known here the store knows whether it holds.
    pub(super) fn beat(&mut self, worker: Candidate, held: &[HeldLease], step: &mut Step<'_, '_, R>) {
        let id = worker.worker.clone();
        self.fleet.beat(worker, held, step.now.awake);
        self.may_place = true;
        let mut looked_up = 0;
        for HeldLease { job, lease } in held.iter().copied() {
            match self.fleet.job(lease) {
                Some(job) if self.jobs.get(&job).is_some_and(|tracked| tracked.waits_for_start(lease)) => {
                    self.reported(job, Event::Started { lease, worker: id.clone() }, id.clone(), step);
                }
                Some(_) => {}
                None if looked_up < MAX_LOOKED_UP && !self.stopped => {
                    looked_up += 1;
                    self.report(job, Report::listed(id.clone(), lease), step);
                }
                None => {}
            }
        }
    }

    /// Places every job that can be placed.
    pub(super) fn place_all(&mut self, step: &mut Step<'_, '_, R>) {
        for pool in self.waiting.pools() {
            while let Some((ticket, slot)) = self.next(&pool, step) {
                let id = ticket.cleared.job().id();
                let Some(tracked) = self.jobs.remove(&id) else {
                    self.fleet.end(slot.dispatch);
                    continue;
                };
                if is_fresh(&ticket, step) {
                    self.place(id, tracked, ticket, slot, step);
                } else if let Ok(accepted) = Accepted::recalled(ticket.cleared.into_job()) {
                    // It keeps its turn: sent back, all that wait as long would be judged again for each free slot.
                    self.ask(id, tracked, accepted, Some(slot), step);
                }
            }
        }
    }

    /// The job whose turn it is at a pool, with a slot of the best worker that has room.
    fn next(&mut self, pool: &Pool, step: &mut Step<'_, '_, R>) -> Option<(Ticket, Slot)> {
        let fleet = &self.fleet;
        let ticket = self.waiting.first(pool, |topic| fleet.has_room(pool, topic))?;
        let first = ticket.cleared.job();
        // It keeps its turn until a request is free by which it can be judged again.
        if !is_fresh(ticket, step) && !self.asks.has_room(Asker::of(first)) {
            return None;
        }
        let (job, tenant) = (first.id(), first.tenant().clone());
        let (model, avoid) = (first.request.model.as_ref(), self.gave_back.get(&job));
        let wanted = PlacementRequest { job, pool, topic: first.topic(), model, avoid };
        let dispatch = (step.now.dispatch)();
        let worker = self.fleet.reserve(wanted, dispatch)?;
        let ticket = self.waiting.take(job)?;
        self.gave_back.remove(&job);
        self.payers.insert(dispatch, (pool.clone(), tenant));
        Some((ticket, Slot { worker, dispatch }))
    }

    /// Notes which worker gave a job back.
    pub(super) fn given_back(&mut self, job: JobId, worker: WorkerId) {
        self.gave_back.insert(job, worker);
        if self.gave_back.len() > MAX_GAVE_BACK {
            self.gave_back.pop_first();
        }
    }

    /// Gives a cleared job its lease and sends it; a durable one once that is committed.
    pub(super) fn place(
        &mut self,
        id: JobId,
        mut tracked: Tracked<R>,
        ticket: Ticket,
        slot: Slot,
        step: &mut Step<'_, '_, R>,
    ) {
        let tenant = ticket.cleared.job().tenant().clone();
        let lease = Lease { attempt: ticket.cleared.job().attempt.next(), dispatch: slot.dispatch };
        let placed = ticket.cleared.place(Target::Worker(slot.worker.clone()), lease, step.now.wall);
        let Ok(placed) = placed else {
            self.free(slot.dispatch);
            step.note(Note::Unplaced { job: id });
            // Can't be, as the lease is of the next attempt: a durable job begins anew, from the store.
            return match tracked.kind {
                Kind::Call(_) => self.refuse_unplaced(id, tracked, &tenant, step),
                Kind::Durable => {
                    self.let_go(id, tracked);
                }
            };
        };
        let (change, assignment) = placed.into_parts();
        let assignment = Box::new(assignment);
        match &mut tracked.kind {
            Kind::Durable => {
                let audit = effects_of(std::mem::take(&mut tracked.audit));
                let change = audit.into_iter().fold(change, Change::with);
                tracked.phase = Phase::Placing { assignment, slot };
                self.hold(id, tracked);
                step.actions.push(Action::Commit { change: Box::new(change) });
            }
            Kind::Call(call) => {
                call.log.extend_from_slice(change.entries());
                let job = Box::new(change.into_job());
                let entries = std::mem::take(&mut tracked.audit);
                tracked.phase = Phase::Recording { job, assignment, slot };
                self.hold(id, tracked);
                step.actions.push(Action::Record { job: id, lease, entries });
            }
        }
    }

    /// Whether the store has taken in the entries about a call that was placed. Without them it is not sent.
    pub(super) fn recorded(&mut self, id: JobId, lease: Lease, taken: bool, step: &mut Step<'_, '_, R>) {
        let Some(mut tracked) = self.jobs.remove(&id) else { return };
        let (job, assignment, slot) = match tracked.phase {
            Phase::Recording { job, assignment, slot } if assignment.lease() == lease => {
                (job, assignment, slot)
            }
            _ => return self.hold(id, tracked),
        };
        tracked.phase = Phase::Queued;
        if !taken {
            self.free(slot.dispatch);
            return self.refuse(id, tracked, *job, CallRefusal::Overloaded, step);
        }
        let reports = std::mem::take(&mut tracked.inbox);
        let detached = matches!(&tracked.kind, Kind::Call(call) if call.detached);
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
        step: &mut Step<'_, '_, R>,
    ) {
        let lease = assignment.lease();
        self.fleet.grant(id, lease, worker, job.request.limits.run, step.now.awake);
        tracked.phase = Phase::InFlight { job, lease };
        self.hold(id, tracked);
        step.actions.push(Action::Send { assignment });
    }

    /// A worker has replied to an assignment, or no reply can come.
    pub(super) fn sent(
        &mut self,
        id: JobId,
        lease: Lease,
        worker: WorkerId,
        outcome: Sent,
        step: &mut Step<'_, '_, R>,
    ) {
        let started = || Event::Started { lease, worker: worker.clone() };
        let events = match outcome {
            Sent::Accepted => vec![Event::Dispatched { lease }],
            Sent::Started => vec![Event::Dispatched { lease }, started()],
            Sent::Refused => {
                // It gets nothing more before its next heartbeat says that it has room.
                self.fleet.leave(&worker);
                vec![Event::Returned { lease }]
            }
            // Its lease tells: it is renewed if the worker runs the job, and lapses if not.
            Sent::Unanswered => vec![],
        };
        for event in events {
            // It may have ended since; no one else knows this lease.
            if self.jobs.contains_key(&id) {
                if let Event::Started { lease, .. } = &event {
                    self.fleet.started(*lease, &worker, step.now.awake);
                }
                self.report(id, Report::of(worker.clone(), event), step);
            }
        }
    }
}

fn is_fresh<R>(ticket: &Ticket, step: &Step<'_, '_, R>) -> bool {
    step.now.awake.since(ticket.since) <= CLEARANCE_LIFETIME
}
