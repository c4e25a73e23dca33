//! Jobs in flight. Reports of workers become changes, which are saved in memory for a call and in
//! the store for a durable job.

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
use super::input::SaveError;
use super::intake::wake_time;
use super::note::Note;
use super::state::{State, StepContext};
use super::tracked::{JobKind, Phase, Report, Slot, Source, Tracked, effects_of};

/// How long to wait before a store that failed is asked again.
const STORE_RETRY_DELAY: Duration = Duration::from_millis(500);
/// Number of tracked jobs from which on a durable job that waits for its worker is in the store
/// alone. A job takes about 1 KiB of memory, and reading it takes much less time than running it.
pub(super) const MAX_JOBS_IN_MEMORY: usize = 8192;

impl<R> State<R> {
    /// Handles a report of a worker.
    pub(super) fn reported(
        &mut self,
        id: JobId,
        event: Event,
        worker: WorkerId,
        step: &mut StepContext<'_, '_, R>,
    ) {
        if event.lease().is_some_and(|lease| !self.owns(lease.dispatch.share())) {
            return step.actions.push(Action::Leave);
        }
        if let Event::Started { lease, .. } = &event {
            self.fleet.started(*lease, &worker, step.now.awake);
        }
        self.report(id, Report::from_worker(worker, event), step);
    }

    /// Applies a report to its job. A job that is not tracked has ended, or was dispatched before
    /// this process started. In both cases the store is asked.
    pub(super) fn report(&mut self, id: JobId, report: Report, step: &mut StepContext<'_, '_, R>) {
        let Some(mut tracked) = self.jobs.remove(&id) else {
            return self.track_and_load(id, Some(report), step);
        };
        if let (Some(has), Some(lease)) = (tracked.phase.lease(), report.event.lease())
            && has != lease
        {
            step.note_stale(id, &report);
            return self.track(id, tracked);
        }
        match tracked.phase {
            Phase::InFlight { job, lease } => {
                tracked.phase = Phase::Queued;
                tracked.queue_report(report);
                self.resume(id, tracked, *job, Some(lease), step);
            }
            Phase::InStore { lease, .. } => {
                tracked.phase = Phase::Loading { held: Some(lease) };
                tracked.queue_report(report);
                self.load(id, tracked, step);
            }
            Phase::Deciding { accepted, slot, ask } => {
                if applies(accepted.job(), &report, step.now.wall) {
                    self.release_slot(slot);
                    self.waiting.free_place(id);
                    tracked.phase = Phase::Queued;
                    tracked.queue_report(report);
                    self.resume(id, tracked, accepted.into_job(), None, step);
                } else {
                    step.note_stale(id, &report);
                    tracked.phase = Phase::Deciding { accepted, slot, ask };
                    self.track(id, tracked);
                }
            }
            Phase::Asleep { job } => {
                tracked.phase = Phase::Queued;
                tracked.queue_report(report);
                self.waiting.wake(id);
                self.resume(id, tracked, *job, None, step);
            }
            Phase::Queued | Phase::Undecided => {
                let ends = self.waiting.job(id).is_some_and(|job| applies(job, &report, step.now.wall));
                match ends.then(|| self.waiting.withdraw(id)).flatten() {
                    Some(job) => {
                        tracked.queue_report(report);
                        self.resume(id, tracked, job, None, step);
                    }
                    None => {
                        step.note_stale(id, &report);
                        self.track(id, tracked);
                    }
                }
            }
            Phase::Loading { .. }
            | Phase::Placing { .. }
            | Phase::Recording { .. }
            | Phase::Saving { .. }
            | Phase::Persisting(_)
            | Phase::Retrying { .. }
            | Phase::Stalled { .. } => {
                let worker = report.worker.clone();
                if !tracked.queue_report(report) {
                    step.note(Note::TooManyReports { job: id, worker });
                }
                self.track(id, tracked);
            }
        }
    }

    /// Continues a job from its current state: applies the waiting reports, or does what the state
    /// requires. `held` is the last known lease of the job.
    pub(super) fn resume(
        &mut self,
        id: JobId,
        mut tracked: Tracked<R>,
        job: Job,
        held: Option<Lease>,
        step: &mut StepContext<'_, '_, R>,
    ) {
        let reports = std::mem::take(&mut tracked.inbox);
        let mut change = Change::of(job);
        // The job was placed but never sent, because its worker would have reported otherwise. It
        // needs a new decision and a new placement.
        if let JobState::Scheduled { lease, .. } = change.job().state
            && held != Some(lease)
            && !reports.iter().any(|report| report.event.lease() == Some(lease))
        {
            let returned = Event::Returned { lease };
            // This can't fail, because the job is under this lease.
            let _ = change.add(returned, step.now.wall);
        }
        for report in &reports {
            let fits = change.report(report.event.clone(), report.worker.as_ref(), step.now.wall).is_ok();
            match (&report.event, &report.worker) {
                // A run that a heartbeat lists may be known already.
                _ if !fits
                    && report.from == Source::Heartbeat
                    && change.job().state.lease() == report.event.lease() => {}
                _ if !fits => step.note_stale(id, report),
                (Event::Returned { .. }, Some(worker)) => self.note_returned(id, worker.clone()),
                _ => {}
            }
        }
        if change.entries().is_empty() {
            self.settle(id, tracked, change.into_job(), held, step);
        } else {
            self.save(id, tracked, change, held, reports, step);
        }
    }

    /// Saves a change: in the store for a durable job, in memory for a call.
    pub(super) fn save(
        &mut self,
        id: JobId,
        mut tracked: Tracked<R>,
        change: Change,
        held: Option<Lease>,
        reports: Vec<Report>,
        step: &mut StepContext<'_, '_, R>,
    ) {
        match &mut tracked.kind {
            JobKind::Durable => {
                let audit = effects_of(std::mem::take(&mut tracked.audit));
                let change = self.under_term(audit.into_iter().fold(change, Change::with));
                tracked.phase = Phase::Saving { held, reports };
                self.track(id, tracked);
                step.actions.push(Action::Commit { change: Box::new(change) });
            }
            JobKind::Call(call) => {
                call.log.extend_from_slice(change.entries());
                let aborts = change.effects().iter().filter_map(abort);
                step.actions.extend(aborts.map(|cancel| Action::Abort { cancel }));
                self.settle(id, tracked, change.into_job(), held, step);
            }
        }
    }

    /// Handles the outcome of [`Action::Commit`].
    pub(super) fn saved(
        &mut self,
        id: JobId,
        outcome: Result<Box<Job>, SaveError>,
        step: &mut StepContext<'_, '_, R>,
    ) {
        let Some(mut tracked) = self.jobs.remove(&id) else { return };
        match (std::mem::replace(&mut tracked.phase, Phase::Queued), outcome) {
            (phase @ (Phase::Placing { .. } | Phase::Saving { .. }), Err(SaveError::TermOver)) => {
                tracked.phase = phase;
                self.drop_job(id, tracked, step);
            }
            // The share was lost and gained again since that commit, whose outcome is late.
            (phase @ Phase::Placing { .. }, Ok(job)) if job.state.lease() != phase.lease() => {
                tracked.phase = phase;
                self.track(id, tracked);
            }
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
            (Phase::Placing { slot, .. }, Err(SaveError::Failed)) => {
                tracked.phase = Phase::Stalled { slot };
                self.retry_later(id, tracked, step);
            }
            (Phase::Placing { slot, .. }, Err(_)) => {
                step.note(Note::NotPlaced { job: id, worker: slot.worker.clone() });
                self.end_dispatch(slot.dispatch);
                tracked.phase = Phase::Loading { held: None };
                self.load(id, tracked, step);
            }
            (Phase::Saving { held, .. }, Ok(job)) => self.resume(id, tracked, *job, held, step),
            (Phase::Saving { held, reports }, Err(why)) => {
                let reports = match why {
                    SaveError::NoDraft => reports.into_iter().map(without_answer).collect(),
                    SaveError::Conflict | SaveError::Failed | SaveError::TermOver => reports,
                };
                tracked.requeue_reports(reports);
                if why == SaveError::Failed {
                    tracked.phase = Phase::Retrying { held };
                    self.retry_later(id, tracked, step);
                } else {
                    tracked.phase = Phase::Loading { held };
                    self.load(id, tracked, step);
                }
            }
            (phase, _) => {
                tracked.phase = phase;
                self.track(id, tracked);
            }
        }
    }

    /// Does what the state of a job requires.
    pub(super) fn settle(
        &mut self,
        id: JobId,
        mut tracked: Tracked<R>,
        job: Job,
        held: Option<Lease>,
        step: &mut StepContext<'_, '_, R>,
    ) {
        if let (Some(lease), Some(worker)) = (job.state.lease(), job.state.worker()) {
            let is_new = held != Some(lease);
            if is_new {
                // The lease is from before this process started. It gets one full period.
                self.release_lease(held);
                self.fleet.grant(id, lease, worker, job.request.limits.run, step.now.awake);
            }
            if matches!(job.state, JobState::Running { .. }) {
                self.fleet.runs(lease, step.now.awake);
            }
            if std::mem::take(&mut tracked.changed) && matches!(tracked.kind, JobKind::Durable) {
                tracked.phase = Phase::Loading { held: Some(lease) };
                return self.load(id, tracked, step);
            }
            // Many jobs may have been in flight when the last process stopped.
            let rests = is_new || self.jobs.len() >= self.max_jobs_in_memory;
            tracked.phase = if rests && matches!(tracked.kind, JobKind::Durable) {
                Phase::InStore { lease, started: matches!(job.state, JobState::Running { .. }) }
            } else {
                Phase::InFlight { job: Box::new(job), lease }
            };
            return self.track(id, tracked);
        }
        self.release_lease(held);
        match (&job.state, &tracked.kind) {
            (state, JobKind::Call(_)) if state.is_terminal() => self.answer(id, tracked, job, held, step),
            (state, JobKind::Durable) if state.is_terminal() => {
                self.untrack(id, tracked);
            }
            (JobState::Pending { hold: Hold::Ready | Hold::NoCapacity }, JobKind::Call(_)) => {
                if let Ok(accepted) = Accepted::recalled(job) {
                    self.await_decision(id, tracked, accepted, step);
                }
            }
            (state, JobKind::Call(_)) => {
                if let Some(at) = wake_time(state) {
                    self.waiting.delay(&job, at);
                }
                tracked.phase = Phase::Asleep { job: Box::new(job) };
                self.track(id, tracked);
            }
            (_, JobKind::Durable) => self.admit(id, tracked, job, step),
        }
    }

    pub(super) fn retry_later(&mut self, id: JobId, tracked: Tracked<R>, step: &StepContext<'_, '_, R>) {
        self.retries.insert((step.now.awake.after(STORE_RETRY_DELAY), id));
        self.track(id, tracked);
    }

    pub(super) fn release_lease(&mut self, held: Option<Lease>) {
        if let Some(lease) = held {
            self.end_dispatch(lease.dispatch);
        }
    }

    pub(super) fn release_slot(&mut self, slot: Option<Slot>) {
        if let Some(slot) = slot {
            self.end_dispatch(slot.dispatch);
        }
    }
}

/// Returns whether a report changes a job.
fn applies(job: &Job, report: &Report, now: Timestamp) -> bool {
    Change::of(job.clone()).report(report.event.clone(), report.worker.as_ref(), now).is_ok()
}

/// Turns a success into a failure, because the answer of the worker never arrived.
fn without_answer(report: Report) -> Report {
    match report.event {
        Event::Succeeded { lease, .. } => {
            let failure = Failure::new(
                FailureKind::Broken,
                "the worker reported success, but its result never arrived",
            );
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

/// Returns the pointer to the answer of a call that has ended.
pub(super) fn answer_of(job: &Job, lease: Option<Lease>) -> Option<Pointer> {
    match (&job.state, lease) {
        (JobState::Succeeded { .. }, Some(lease)) => {
            Some(Pointer::draft(job.memory, job.id(), lease.dispatch))
        }
        _ => None,
    }
}
