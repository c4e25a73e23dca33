//! From the store to the safety kernel.

use cortex_domain::event::Event;
use cortex_domain::flow::Accepted;
use cortex_domain::id::JobId;
use cortex_domain::job::Job;
use cortex_domain::share::Share;
use cortex_domain::state::{Hold, State as JobState};
use cortex_domain::time::Timestamp;
use cortex_domain::transition::Change;

use super::action::Action;
use super::shares::is_open;
use super::state::{State, StepContext};
use super::tracked::{JobKind, Phase, Report, Tracked};

impl<R> State<R> {
    /// Accepts a durable job that is not tracked yet. If anything fails, the job stays in the
    /// store, and the reconciler submits it again.
    pub(super) fn submitted(&mut self, job: JobId, step: &mut StepContext<'_, '_, R>) {
        if !self.jobs.contains_key(&job) {
            self.track_and_load(job, None, step);
        }
    }

    /// Starts to track a job and reads it from the store. A delayed job is woken, so that it can't
    /// lose its place to another job.
    pub(super) fn track_and_load(
        &mut self,
        job: JobId,
        report: Option<Report>,
        step: &mut StepContext<'_, '_, R>,
    ) {
        self.waiting.wake(job);
        let mut tracked = Tracked::durable(Phase::Loading { held: None });
        if let Some(report) = report {
            tracked.queue_report(report);
        }
        self.load(job, tracked, step);
    }

    /// Accepts the durable jobs that are not tracked yet. Each is read again, because it may have
    /// changed since it was listed.
    pub(super) fn open(&mut self, jobs: &[Job], step: &mut StepContext<'_, '_, R>) {
        for job in jobs {
            if !self.owns_job(job) {
                continue;
            }
            // When a tenant has used its share of the queue, its other jobs wait in the store.
            let may_wait = !matches!(job.state, JobState::Pending { .. }) || self.waiting.has_place_for(job);
            if may_wait {
                self.submitted(job.id(), step);
            }
        }
    }

    /// Handles a change by another component. The job is read again if it matters now.
    pub(super) fn changed(&mut self, id: JobId, step: &mut StepContext<'_, '_, R>) {
        let Some(mut tracked) = self.jobs.remove(&id) else { return };
        match tracked.phase {
            Phase::InFlight { lease, .. } | Phase::InStore { lease, .. }
                if matches!(tracked.kind, JobKind::Durable) =>
            {
                tracked.phase = Phase::Loading { held: Some(lease) };
                self.load(id, tracked, step);
            }
            _ => {
                tracked.changed = true;
                self.track(id, tracked);
            }
        }
    }

    pub(super) fn load(&mut self, job: JobId, tracked: Tracked<R>, step: &mut StepContext<'_, '_, R>) {
        self.track(job, tracked);
        step.actions.push(Action::Load { job });
    }

    pub(super) fn loaded(
        &mut self,
        id: JobId,
        found: Result<Option<Box<Job>>, ()>,
        step: &mut StepContext<'_, '_, R>,
    ) {
        let Some(mut tracked) = self.jobs.remove(&id) else {
            return step.actions.push(Action::Leave);
        };
        let Phase::Loading { held } = tracked.phase else { return self.track(id, tracked) };
        tracked.changed = false;
        match found {
            Ok(Some(job)) if is_open(&job) && !self.owns_job(&job) => {
                let share = Share::of(job.tenant());
                let (forged, reports): (Vec<_>, Vec<_>) =
                    tracked.inbox.drain(..).partition(|report| is_of_another_share(report, share));
                forged.iter().for_each(|report| step.note_stale(id, report));
                // No scheduler can use a report under a lease that no job of its share has.
                if forged.is_empty() || !reports.is_empty() {
                    step.actions.push(Action::Leave);
                }
                self.drop_job(id, tracked, step);
            }
            Ok(Some(job)) if is_open(&job) => {
                tracked = tracked.of_job(&job);
                self.track_deadline(id, &mut tracked, job.request.limits.deadline);
                self.resume(id, tracked, *job, held, step);
            }
            Ok(_) => {
                self.release_lease(held);
                tracked.inbox.iter().for_each(|report| step.note_stale(id, report));
                self.untrack(id, tracked);
            }
            // A job with a lease stays tracked. The reconciler finds the others again.
            Err(()) if held.is_some() || tracked.has_unrepeatable_reports() => {
                tracked.phase = Phase::Retrying { held };
                self.retry_later(id, tracked, step);
            }
            Err(()) => {
                self.untrack(id, tracked);
            }
        }
    }

    /// Passes a durable job on to the safety kernel, unless it has to wait for something else.
    pub(super) fn admit(
        &mut self,
        id: JobId,
        mut tracked: Tracked<R>,
        job: Job,
        step: &mut StepContext<'_, '_, R>,
    ) {
        let now = step.now.wall;
        if job.request.limits.deadline.is_some_and(|deadline| deadline <= now) {
            return self.apply_event(id, tracked, job, Event::Expired, step);
        }
        let wake_time = wake_time(&job.state);
        if let Some(at) = wake_time.filter(|at| *at > now) {
            self.waiting.delay(&job, at);
            self.untrack(id, tracked);
            return;
        }
        // The reconciler submits the job again once its tenant has room.
        if !self.waiting.has_place_for(&job) {
            self.untrack(id, tracked);
            return;
        }
        if wake_time.is_some() {
            return self.apply_event(id, tracked, job, Event::Released, step);
        }
        match Accepted::recalled(job) {
            Ok(accepted) => self.await_decision(id, tracked, accepted, step),
            Err(_) => {
                tracked.inbox.clear();
                self.untrack(id, tracked);
            }
        }
    }

    /// Applies an event that the scheduler itself decided on.
    pub(super) fn apply_event(
        &mut self,
        id: JobId,
        tracked: Tracked<R>,
        job: Job,
        event: Event,
        step: &mut StepContext<'_, '_, R>,
    ) {
        match Change::of(job).then(event, step.now.wall) {
            Ok(change) => self.save(id, tracked, change, None, Vec::new(), step),
            // The job has ended, so there is nothing left to do.
            Err(_) => {
                self.untrack(id, tracked);
            }
        }
    }
}

/// Returns whether a report is under a lease that was made up.
fn is_of_another_share(report: &Report, share: Share) -> bool {
    report.event.lease().is_some_and(|lease| lease.dispatch.share() != share)
}

/// Returns when a pending job wakes up by itself, if it does.
pub(super) fn wake_time(state: &JobState) -> Option<Timestamp> {
    match state {
        JobState::Pending { hold: Hold::NotBefore { at } | Hold::Throttled { until: at } } => Some(*at),
        _ => None,
    }
}
