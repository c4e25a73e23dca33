//! What time alone brings about.

use std::collections::BTreeSet;
use std::time::Duration;

use cortex_domain::event::Event;
use cortex_domain::id::JobId;
use cortex_domain::job::Durability;
use cortex_domain::state::{Failure, FailureKind, Hold, State as JobState};

use super::note::Note;
use super::state::{State, Step};
use super::tracked::{Phase, Report};

/// Jobs of one sort that are brought on their way in one step, so that many at once don't fill the store's queue.
const AT_ONCE: usize = 256;
/// How long a job waits for room before its log says so.
const CAPACITY_NOTICE: Duration = Duration::from_secs(1);

impl<R> State<R> {
    pub(super) fn tick(&mut self, step: &mut Step<'_, '_, R>) {
        self.lapse(step);
        self.retry(step);
        self.wake(step);
        self.expire(step);
        self.abandon_calls(step);
        self.refuse_unasked(step);
        self.note_capacity(step);
        self.charge();
        self.may_place = true;
    }

    /// Ends the leases of workers that fell silent, and runs that take too long.
    fn lapse(&mut self, step: &mut Step<'_, '_, R>) {
        for (held, kind) in self.fleet.overdue(self.lease, step.now.awake) {
            let Some(tracked) = self.jobs.get(&held.job) else {
                self.free(held.lease.dispatch);
                continue;
            };
            if tracked.has_ended(held.lease) {
                continue;
            }
            let detail = match kind {
                FailureKind::Overran => "the run took longer than its topic may",
                _ => "the worker fell silent",
            };
            let event = Event::Failed { lease: held.lease, failure: Failure::new(kind, detail) };
            step.note(Note::Lapsed { job: held.job, worker: held.worker.clone(), kind });
            self.report(held.job, Report::of(held.worker, event), step);
        }
    }

    /// Asks a store again that failed a while ago.
    fn retry(&mut self, step: &mut Step<'_, '_, R>) {
        let due: Vec<_> =
            self.retries.iter().take_while(|(at, _)| *at <= step.now.awake).take(AT_ONCE).copied().collect();
        for (at, job) in due {
            self.retries.remove(&(at, job));
            let Some(mut tracked) = self.jobs.remove(&job) else { continue };
            let held = match tracked.phase {
                Phase::Retrying { held } => held,
                Phase::Stalled { slot } => {
                    self.free(slot.dispatch);
                    None
                }
                _ => {
                    self.hold(job, tracked);
                    continue;
                }
            };
            tracked.phase = Phase::Loading { held };
            self.load(job, tracked, step);
        }
    }

    /// Brings back the jobs whose time has come.
    fn wake(&mut self, step: &mut Step<'_, '_, R>) {
        for job in self.waiting.due(step.now.wall, AT_ONCE) {
            let sleeps = |phase: &Phase<R>| matches!(phase, Phase::Asleep { .. });
            match self.jobs.get(&job) {
                Some(tracked) if sleeps(&tracked.phase) => {
                    self.report(job, Report::own(Event::Released), step);
                }
                Some(_) => {}
                None => self.submitted(job, step),
            }
        }
    }

    /// Ends the jobs in hand whose own deadline has passed.
    fn expire(&mut self, step: &mut Step<'_, '_, R>) {
        for job in until(&mut self.deadlines, &step.now.wall, AT_ONCE) {
            if let Some(tracked) = self.jobs.get_mut(&job) {
                tracked.deadline = None;
                self.report(job, Report::own(Event::Expired), step);
            }
        }
    }

    fn abandon_calls(&mut self, step: &mut Step<'_, '_, R>) {
        let over = self.calls_by_end.iter().take_while(|(end, _)| *end < step.now.awake);
        let over: Vec<JobId> = over.take(AT_ONCE).map(|(_, job)| *job).collect();
        for job in over {
            self.hung_up(job, step);
        }
    }

    /// Notes of durable jobs that have waited a while that no worker has room for them.
    fn note_capacity(&mut self, step: &mut Step<'_, '_, R>) {
        let now = step.now.awake;
        let waited = self.waiting.take_if(AT_ONCE, |ticket| {
            let job = ticket.cleared.job();
            job.durability == Durability::Durable
                && matches!(job.state, JobState::Pending { hold: Hold::Ready })
                && now.since(ticket.since) > CAPACITY_NOTICE
        });
        for ticket in waited {
            let job = ticket.cleared.into_job();
            let id = job.id();
            if let Some(tracked) = self.jobs.remove(&id) {
                self.decide(id, tracked, job, Event::Held { hold: Hold::NoCapacity }, step);
            }
        }
    }

    /// Charges tenants for the jobs that still run, as one turn pays for a short one only.
    fn charge(&mut self) {
        let (fleet, waiting) = (&self.fleet, &mut self.waiting);
        self.payers.retain(|dispatch, (pool, tenant)| {
            let runs = fleet.has(*dispatch);
            if runs {
                waiting.charge(pool, tenant);
            }
            runs
        });
    }
}

/// Takes out what is due, at most `most`.
fn until<T: Ord + Copy>(set: &mut BTreeSet<(T, JobId)>, now: &T, most: usize) -> Vec<JobId> {
    let due: Vec<_> = set.iter().take_while(|(at, _)| at <= now).take(most).copied().collect();
    due.into_iter()
        .map(|entry| {
            set.remove(&entry);
            entry.1
        })
        .collect()
}
