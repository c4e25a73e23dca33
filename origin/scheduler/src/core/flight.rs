//! A job under a lease: what its worker reports becomes changes, which are kept in memory for a call and in the store for a
//! durable job.

use std::time::Duration;

use cortex_domain::event::Event;
use cortex_domain::flow::Accepted;
use cortex_domain::id::{JobId, WorkerId};
use cortex_domain::job::Job;
use cortex_domain::pointer::Pointer;
use cortex_domain::state::{Failure, FailureKind, Hold, Lease, State as JobState};
use cortex_domain::task::Cancel;
use cortex_domain::time::Timestamp;
use cortex_domain::transition::{Change, Effect, OutboxMessage};

use super::action::Action;
use super::input::NotSaved;
use super::intake::comes_back;
use super::note::Note;
use super::state::{State, Step};
use super::tracked::{Kind, Phase, Report, Slot, Source, Tracked, effects_of};

/// How long to wait before a store that failed is asked again.
const STORE_RETRY_DELAY: Duration = Duration::from_millis(500);

impl<R> State<R> {
    /// A worker reports on a job.
    pub(super) fn reported(&mut self, id: JobId, event: Event, worker: WorkerId, step: &mut Step<'_, '_, R>) {
        if let Event::Started { lease, .. } = &event {
            self.fleet.started(*lease, &worker, step.now.awake);
        }
        self.report(id, Report::by(worker, event), step);
    }

    /// Brings a report to its job. One on a job that is not in hand was dispatched before this process began, or has ended:
    /// the store knows.
    pub(super) fn report(&mut self, id: JobId, report: Report, step: &mut Step<'_, '_, R>) {
        let Some(mut tracked) = self.jobs.remove(&id) else {
            return self.take_in(id, Some(report), step);
        };
        if let (Some(has), Some(lease)) = (tracked.phase.lease(), report.event.lease())
            && has != lease
        {
            step.stale(id, &report);
            return self.hold(id, tracked);
        }
        match tracked.phase {
            Phase::InFlight { job, lease } => {
                tracked.phase = Phase::Queued;
                tracked.later(report);
                self.resume(id, tracked, *job, Some(lease), step);
            }
            Phase::Judging { accepted, slot, ask } => {
                if fits(accepted.job(), &report, step.now.wall) {
                    self.release_slot(slot);
                    self.waiting.leave(id);
                    tracked.phase = Phase::Queued;
                    tracked.later(report);
                    self.resume(id, tracked, accepted.into_job(), None, step);
                } else {
                    step.stale(id, &report);
                    tracked.phase = Phase::Judging { accepted, slot, ask };
                    self.hold(id, tracked);
                }
            }
            Phase::Asleep { job } => {
                tracked.phase = Phase::Queued;
                tracked.later(report);
                self.waiting.wake(id);
                self.resume(id, tracked, *job, None, step);
            }
            Phase::Queued | Phase::Unjudged => {
                let ends = self.waiting.job(id).is_some_and(|job| fits(job, &report, step.now.wall));
                match ends.then(|| self.waiting.withdraw(id)).flatten() {
                    Some(job) => {
                        tracked.later(report);
                        self.resume(id, tracked, job, None, step);
                    }
                    None => {
                        step.stale(id, &report);
                        self.hold(id, tracked);
                    }
                }
            }
            Phase::Loading { .. }
            | Phase::Placing { .. }
            | Phase::Recording { .. }
            | Phase::Saving { .. }
            | Phase::Keeping(_)
            | Phase::Retrying { .. }
            | Phase::Stalled { .. } => {
                let worker = report.worker.clone();
                if !tracked.later(report) {
                    step.note(Note::TooManyReports { job: id, worker });
                }
                self.hold(id, tracked);
            }
        }
    }

    /// Goes on with a job as it is now: applies the reports that wait, or does what its state asks for. `held` is the lease
    /// that it was last known to have.
    pub(super) fn resume(
        &mut self,
        id: JobId,
        mut tracked: Tracked<R>,
        job: Job,
        held: Option<Lease>,
        step: &mut Step<'_, '_, R>,
    ) {
        let reports = std::mem::take(&mut tracked.inbox);
        let mut change = Change::of(job);
        // It was placed and never sent, or its worker would have been heard of: it is placed anew, and so judged anew.
        if let JobState::Scheduled { lease, .. } = change.job().state
            && held != Some(lease)
            && !reports.iter().any(|report| report.event.lease() == Some(lease))
        {
            let returned = Event::Returned { lease };
            // It fits, since the job is under this lease.
            let _ = change.add(returned, step.now.wall);
        }
        for report in &reports {
            let fits = change.report(report.event.clone(), report.worker.as_ref(), step.now.wall).is_ok();
            match (&report.event, &report.worker) {
                // What a heartbeat lists may have begun before, and holds.
                _ if !fits
                    && report.from == Source::Heartbeat
                    && change.job().state.lease() == report.event.lease() => {}
                _ if !fits => step.stale(id, report),
                (Event::Returned { .. }, Some(worker)) => self.given_back(id, worker.clone()),
                _ => {}
            }
        }
        if change.entries().is_empty() {
            self.settle(id, tracked, change.into_job(), held, step);
        } else {
            self.persist(id, tracked, change, held, reports, step);
        }
    }

    /// Keeps a change: a durable job's in the store, a call's in memory.
    pub(super) fn persist(
        &mut self,
        id: JobId,
        mut tracked: Tracked<R>,
        change: Change,
        held: Option<Lease>,
        reports: Vec<Report>,
        step: &mut Step<'_, '_, R>,
    ) {
        match &mut tracked.kind {
            Kind::Durable => {
                let audit = effects_of(std::mem::take(&mut tracked.audit));
                let change = audit.into_iter().fold(change, Change::with);
                tracked.phase = Phase::Saving { held, reports };
                self.hold(id, tracked);
                step.actions.push(Action::Commit { change: Box::new(change) });
            }
            Kind::Call(call) => {
                call.log.extend_from_slice(change.entries());
                let aborts = change.effects().iter().filter_map(abort);
                step.actions.extend(aborts.map(|cancel| Action::Abort { cancel }));
                self.settle(id, tracked, change.into_job(), held, step);
            }
        }
    }

    /// What came of a commit.
    pub(super) fn saved(
        &mut self,
        id: JobId,
        outcome: Result<Box<Job>, NotSaved>,
        step: &mut Step<'_, '_, R>,
    ) {
        let Some(mut tracked) = self.jobs.remove(&id) else { return };
        match (std::mem::replace(&mut tracked.phase, Phase::Queued), outcome) {
            (Phase::Placing { assignment, slot }, Ok(job)) => {
                let (reports, changed) = (std::mem::take(&mut tracked.inbox), tracked.changed);
                self.send(id, tracked, job, assignment, &slot.worker, step);
                for report in reports {
                    self.report(id, report, step);
                }
                if changed {
                    self.changed(id, step);
                }
            }
            (Phase::Placing { slot, .. }, Err(NotSaved::Failed)) => {
                tracked.phase = Phase::Stalled { slot };
                self.retry_later(id, tracked, step);
            }
            (Phase::Placing { slot, .. }, Err(_)) => {
                step.note(Note::NotPlaced { job: id, worker: slot.worker.clone() });
                self.free(slot.dispatch);
                tracked.phase = Phase::Loading { held: None };
                self.load(id, tracked, step);
            }
            (Phase::Saving { held, .. }, Ok(job)) => self.resume(id, tracked, *job, held, step),
            (Phase::Saving { held, reports }, Err(why)) => {
                let reports = match why {
                    NotSaved::NoDraft => reports.into_iter().map(lose_answer).collect(),
                    NotSaved::Conflict | NotSaved::Failed => reports,
                };
                tracked.again(reports);
                if why == NotSaved::Failed {
                    tracked.phase = Phase::Retrying { held };
                    self.retry_later(id, tracked, step);
                } else {
                    tracked.phase = Phase::Loading { held };
                    self.load(id, tracked, step);
                }
            }
            (phase, _) => {
                tracked.phase = phase;
                self.hold(id, tracked);
            }
        }
    }

    /// Does what a job's state asks for.
    pub(super) fn settle(
        &mut self,
        id: JobId,
        mut tracked: Tracked<R>,
        job: Job,
        held: Option<Lease>,
        step: &mut Step<'_, '_, R>,
    ) {
        if let (Some(lease), Some(worker)) = (job.state.lease(), job.state.worker()) {
            if held != Some(lease) {
                // Taken over from before this process began: its lease gets one full period.
                self.release(held);
                self.fleet.grant(id, lease, worker, job.request.limits.run, step.now.awake);
            }
            if matches!(job.state, JobState::Running { .. }) {
                self.fleet.runs(lease, step.now.awake);
            }
            if std::mem::take(&mut tracked.changed) && matches!(tracked.kind, Kind::Durable) {
                tracked.phase = Phase::Loading { held: Some(lease) };
                return self.load(id, tracked, step);
            }
            tracked.phase = Phase::InFlight { job: Box::new(job), lease };
            return self.hold(id, tracked);
        }
        self.release(held);
        match (&job.state, &tracked.kind) {
            (state, Kind::Call(_)) if state.is_terminal() => self.answer(id, tracked, job, held, step),
            (state, Kind::Durable) if state.is_terminal() => {
                self.let_go(id, tracked);
            }
            (JobState::Pending { hold: Hold::Ready | Hold::NoCapacity }, Kind::Call(_)) => {
                if let Ok(accepted) = Accepted::recalled(job) {
                    self.judge(id, tracked, accepted, step);
                }
            }
            (state, Kind::Call(_)) => {
                if let Some(at) = comes_back(state) {
                    self.waiting.later(&job, at);
                }
                tracked.phase = Phase::Asleep { job: Box::new(job) };
                self.hold(id, tracked);
            }
            (_, Kind::Durable) => self.consider(id, tracked, job, step),
        }
    }

    pub(super) fn retry_later(&mut self, id: JobId, tracked: Tracked<R>, step: &Step<'_, '_, R>) {
        self.retries.insert((step.now.awake.after(STORE_RETRY_DELAY), id));
        self.hold(id, tracked);
    }

    pub(super) fn release(&mut self, held: Option<Lease>) {
        if let Some(lease) = held {
            self.free(lease.dispatch);
        }
    }

    pub(super) fn release_slot(&mut self, slot: Option<Slot>) {
        if let Some(slot) = slot {
            self.free(slot.dispatch);
        }
    }
}

/// Whether a report changes a job.
fn fits(job: &Job, report: &Report, now: Timestamp) -> bool {
    Change::of(job.clone()).report(report.event.clone(), report.worker.as_ref(), now).is_ok()
}

/// The worker said that it is done, but what it answered never arrived.
fn lose_answer(report: Report) -> Report {
    match report.event {
        Event::Succeeded { lease, .. } => {
            let failure = Failure::new(FailureKind::Broken, "the worker's answer was lost");
            Report { event: Event::Failed { lease, failure }, ..report }
        }
        _ => report,
    }
}

pub(super) fn abort(effect: &Effect) -> Option<Cancel> {
    match effect {
        Effect::Send(OutboxMessage::Abort { job, lease, worker }) => {
            Some(Cancel { job: *job, lease: *lease, worker: worker.clone() })
        }
        Effect::Send(OutboxMessage::Submit { .. }) | Effect::Publish { .. } | Effect::Audit(_) => None,
    }
}

/// Where the answer of a call lies that has ended.
pub(super) fn answer_of(job: &Job, lease: Option<Lease>) -> Option<Pointer> {
    match (&job.state, lease) {
        (JobState::Succeeded { .. }, Some(lease)) => {
            Some(Pointer::draft(job.memory, job.id(), lease.dispatch))
        }
        _ => None,
    }
}
