//! What happens because time has passed.

use std::collections::BTreeSet;
use std::time::Duration;

use cortex_domain::event::Event;
use cortex_domain::id::JobId;
use cortex_domain::job::Durability;
use cortex_domain::state::{Failure, FailureKind, Hold, State as JobState};

use super::note::Note;
use super::state::{State, StepContext};
use super::tracked::{Phase, Report};

/// Maximum number of jobs of one kind to move in one step, so that many at once don't fill the
/// store's queue.
const MAX_PER_STEP: usize = 256;
/// Maximum number of ended leases whose jobs are not saved yet, because each needs memory until
/// then. The others end in later steps.
const MAX_LAPSING: usize = 1024;
/// How long a job waits for a worker with room before its log says so.
const CAPACITY_NOTICE: Duration = Duration::from_secs(1);

impl<R> State<R> {
    pub(super) fn tick(&mut self, step: &mut StepContext<'_, '_, R>) {
        self.end_overdue_leases(step);
        self.retry_store(step);
        self.wake_jobs(step);
        self.expire_jobs(step);
        self.abandon_calls(step);
        self.refuse_late_calls(step);
        self.note_capacity(step);
        self.charge_running();
        self.may_place = true;
    }

    /// Ends the leases of workers that stopped sending heartbeats, and of runs that take too long.
    fn end_overdue_leases(&mut self, step: &mut StepContext<'_, '_, R>) {
        let (mut lapsing, mut lapsed) = (0, Vec::new());
        for (held, kind) in self.fleet.overdue(self.lease, step.now.awake) {
            if lapsing == MAX_LAPSING {
                break;
            }
            lapsing += 1;
            if !self.jobs.get(&held.job).is_some_and(|tracked| tracked.has_ended(held.lease)) {
                lapsed.push((held.clone(), kind));
            }
        }
        for (held, kind) in lapsed {
            if !self.jobs.contains_key(&held.job) {
                self.end_dispatch(held.lease.dispatch);
                continue;
            }
            let detail = match kind {
                FailureKind::Overran => "the run exceeded its topic's time limit",
                _ => "the worker stopped sending heartbeats",
            };
            let event = Event::Failed { lease: held.lease, failure: Failure::new(kind, detail) };
            step.note(Note::Lapsed { job: held.job, worker: held.worker.clone(), kind });
            self.report(held.job, Report::about_worker(held.worker, event), step);
        }
    }

    /// Retries the store for jobs for which it failed a while ago.
    fn retry_store(&mut self, step: &mut StepContext<'_, '_, R>) {
        let due: Vec<_> = self
            .retries
            .iter()
            .take_while(|(at, _)| *at <= step.now.awake)
            .take(MAX_PER_STEP)
            .copied()
            .collect();
        for (at, job) in due {
            self.retries.remove(&(at, job));
            let Some(mut tracked) = self.jobs.remove(&job) else { continue };
            let held = match tracked.phase {
                Phase::Retrying { held } => held,
                Phase::Stalled { slot } => {
                    self.end_dispatch(slot.dispatch);
                    None
                }
                _ => {
                    self.track(job, tracked);
                    continue;
                }
            };
            tracked.phase = Phase::Loading { held };
            self.load(job, tracked, step);
        }
    }

    /// Resumes the delayed jobs that are due.
    fn wake_jobs(&mut self, step: &mut StepContext<'_, '_, R>) {
        for job in self.waiting.take_due(step.now.wall, MAX_PER_STEP) {
            let sleeps = |phase: &Phase<R>| matches!(phase, Phase::Asleep { .. });
            match self.jobs.get(&job) {
                Some(tracked) if sleeps(&tracked.phase) => {
                    self.report(job, Report::from_scheduler(Event::Released), step);
                }
                Some(_) => {}
                None => self.submitted(job, step),
            }
        }
    }

    /// Ends the tracked jobs that have passed their own deadline.
    fn expire_jobs(&mut self, step: &mut StepContext<'_, '_, R>) {
        for job in take_due(&mut self.deadlines, &step.now.wall, MAX_PER_STEP) {
            if let Some(tracked) = self.jobs.get_mut(&job) {
                tracked.deadline = None;
                self.report(job, Report::from_scheduler(Event::Expired), step);
            }
        }
    }

    fn abandon_calls(&mut self, step: &mut StepContext<'_, '_, R>) {
        let over = self.calls_by_end.iter().take_while(|(end, _)| *end < step.now.awake);
        let over: Vec<JobId> = over.take(MAX_PER_STEP).map(|(_, job)| *job).collect();
        for job in over {
            self.abandoned(job, step);
        }
    }

    /// Writes to the log of durable jobs that have waited a while that no worker has room for them.
    fn note_capacity(&mut self, step: &mut StepContext<'_, '_, R>) {
        let now = step.now.awake;
        let waited = self.waiting.take_if(MAX_PER_STEP, |queued| {
            let job = queued.cleared.job();
            job.durability == Durability::Durable
                && matches!(job.state, JobState::Pending { hold: Hold::Ready })
                && now.since(queued.since) > CAPACITY_NOTICE
        });
        for queued in waited {
            let job = queued.cleared.into_job();
            let id = job.id();
            if let Some(tracked) = self.jobs.remove(&id) {
                self.apply_event(id, tracked, job, Event::Held { hold: Hold::NoCapacity }, step);
            }
        }
    }

    /// Charges tenants for jobs that still run, because one turn pays only for a short run.
    fn charge_running(&mut self) {
        let (fleet, waiting) = (&self.fleet, &mut self.waiting);
        self.charged_tenants.retain(|dispatch, (pool, tenant)| {
            let runs = fleet.has(*dispatch);
            if runs {
                waiting.charge(pool, tenant);
            }
            runs
        });
    }
}

/// Removes and returns the entries that are due, at most `most`.
fn take_due<T: Ord + Copy>(set: &mut BTreeSet<(T, JobId)>, now: &T, most: usize) -> Vec<JobId> {
    let due: Vec<_> = set.iter().take_while(|(at, _)| at <= now).take(most).copied().collect();
    due.into_iter()
        .map(|entry| {
            set.remove(&entry);
            entry.1
        })
        .collect()
}
