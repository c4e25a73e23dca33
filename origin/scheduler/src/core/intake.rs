//! From the store to the safety kernel.

use cortex_domain::event::Event;
use cortex_domain::flow::Accepted;
use cortex_domain::id::JobId;
use cortex_domain::job::{Durability, Job};
use cortex_domain::state::{Hold, State as JobState};
use cortex_domain::time::Timestamp;
use cortex_domain::transition::Change;

use super::action::Action;
use super::state::{State, Step};
use super::tracked::{Kind, Phase, Report, Tracked};

impl<R> State<R> {
    /// Takes in a durable job, unless it is in hand. Whatever goes wrong, the job stays in the store and comes back.
    pub(super) fn submitted(&mut self, job: JobId, step: &mut Step<'_, '_, R>) {
        if !self.jobs.contains_key(&job) {
            self.take_in(job, None, step);
        }
    }

    /// Takes a job in hand that was not. If it slept, it is awake from here on, so that its place is not given up for another.
    pub(super) fn take_in(&mut self, job: JobId, report: Option<Report>, step: &mut Step<'_, '_, R>) {
        self.waiting.wake(job);
        let mut tracked = Tracked::durable(Phase::Loading { held: None });
        if let Some(report) = report {
            tracked.later(report);
        }
        self.load(job, tracked, step);
    }

    /// Takes in the durable jobs that are not in hand. What was read may have changed since, so each is read again.
    pub(super) fn open(&mut self, jobs: &[Job], step: &mut Step<'_, '_, R>) {
        for job in jobs {
            // Of a tenant that has its share of the queue, the others wait in the store.
            let may_wait = !matches!(job.state, JobState::Pending { .. }) || self.waiting.takes(job);
            if may_wait {
                self.submitted(job.id(), step);
            }
        }
    }

    /// Someone else has changed a job: it is read again where that matters now.
    pub(super) fn changed(&mut self, id: JobId, step: &mut Step<'_, '_, R>) {
        let Some(mut tracked) = self.jobs.remove(&id) else { return };
        match tracked.phase {
            Phase::InFlight { lease, .. } if matches!(tracked.kind, Kind::Durable) => {
                tracked.phase = Phase::Loading { held: Some(lease) };
                self.load(id, tracked, step);
            }
            _ => {
                tracked.changed = true;
                self.hold(id, tracked);
            }
        }
    }

    pub(super) fn load(&mut self, job: JobId, tracked: Tracked<R>, step: &mut Step<'_, '_, R>) {
        self.hold(job, tracked);
        step.actions.push(Action::Load { job });
    }

    pub(super) fn loaded(
        &mut self,
        id: JobId,
        found: Result<Option<Box<Job>>, ()>,
        step: &mut Step<'_, '_, R>,
    ) {
        let Some(mut tracked) = self.jobs.remove(&id) else { return };
        let Phase::Loading { held } = tracked.phase else { return self.hold(id, tracked) };
        tracked.changed = false;
        match found {
            Ok(Some(job)) if job.durability == Durability::Durable && !job.state.is_terminal() => {
                self.watch(id, &mut tracked, job.request.limits.deadline);
                self.resume(id, tracked, *job, held, step);
            }
            Ok(_) => {
                self.release(held);
                tracked.inbox.iter().for_each(|report| step.stale(id, report));
                self.let_go(id, tracked);
            }
            // With a lease it stays in hand. Else the reconciler finds it again.
            Err(()) if held.is_some() || tracked.has_news() => {
                tracked.phase = Phase::Retrying { held };
                self.retry_later(id, tracked, step);
            }
            Err(()) => {
                self.let_go(id, tracked);
            }
        }
    }

    /// Takes a durable job to the safety kernel, if it waits for nothing else.
    pub(super) fn consider(
        &mut self,
        id: JobId,
        mut tracked: Tracked<R>,
        job: Job,
        step: &mut Step<'_, '_, R>,
    ) {
        let now = step.now.wall;
        if job.request.limits.deadline.is_some_and(|deadline| deadline <= now) {
            return self.decide(id, tracked, job, Event::Expired, step);
        }
        let comes_back = comes_back(&job.state);
        if let Some(at) = comes_back.filter(|at| *at > now) {
            self.waiting.later(&job, at);
            self.let_go(id, tracked);
            return;
        }
        // The reconciler brings it again once its tenant has room.
        if !self.waiting.takes(&job) {
            self.let_go(id, tracked);
            return;
        }
        if comes_back.is_some() {
            return self.decide(id, tracked, job, Event::Released, step);
        }
        match Accepted::recalled(job) {
            Ok(accepted) => self.judge(id, tracked, accepted, step),
            Err(_) => {
                tracked.inbox.clear();
                self.let_go(id, tracked);
            }
        }
    }

    /// Changes a job by what the scheduler itself decided.
    pub(super) fn decide(
        &mut self,
        id: JobId,
        tracked: Tracked<R>,
        job: Job,
        event: Event,
        step: &mut Step<'_, '_, R>,
    ) {
        match Change::of(job).then(event, step.now.wall) {
            Ok(change) => self.persist(id, tracked, change, None, Vec::new(), step),
            // It has ended, so that nothing is left to decide.
            Err(_) => {
                self.let_go(id, tracked);
            }
        }
    }
}

/// When a job that is pending comes back by itself, if it does.
pub(super) fn comes_back(state: &JobState) -> Option<Timestamp> {
    match state {
        JobState::Pending { hold: Hold::NotBefore { at } | Hold::Throttled { until: at } } => Some(*at),
        _ => None,
    }
}
