//! The job of the model, as the store holds it, and what its workers report.

use std::time::Duration;

use cortex_domain::event::{Event, Timings};
use cortex_domain::id::{DispatchId, JobId, WorkerId};
use cortex_domain::job::{Durability, Job, Limits, Owner, Request};
use cortex_domain::pointer::Memory;
use cortex_domain::share::Term;
use cortex_domain::state::{Failure, FailureKind, Hold, Lease, State, Target};
use cortex_domain::time::Timestamp;
use cortex_domain::topics;
use cortex_domain::transition::Change;

const NOW: Timestamp = Timestamp::from_millis(1_000_000);

#[derive(Clone)]
pub(super) struct JobModel {
    job: Job,
    /// What workers have reported. Each report may arrive at any time, and again.
    pub(super) results: Vec<(Event, WorkerId)>,
    /// How often the job has ended.
    pub(super) ends: u8,
}

impl JobModel {
    pub(super) fn new() -> Self {
        let request = Request::new(
            JobId::mint(NOW, [1; 10]),
            Owner { tenant: "acme".parse().unwrap(), principal: "ci".parse().unwrap(), roles: vec![] },
            topics::ECHO,
            Limits { attempts: 2, run: Duration::from_secs(30), deadline: None },
            NOW,
        );
        let job = Job::accepted(request, Durability::Durable, Memory::Local);
        Self { job, results: Vec::new(), ends: 0 }
    }

    pub(super) fn attempts(&self) -> u32 {
        self.job.attempt.0
    }

    /// Returns what a scheduler decides after it has read the job: to release it, to place it on a
    /// worker, or to end the lease of a worker that is silent.
    pub(super) fn decide(&self, scheduler: usize, term: Term) -> Option<Change> {
        let event = match &self.job.state {
            State::Pending { hold: Hold::NotBefore { .. } } => Event::Released,
            State::Pending { .. } => {
                let worker: WorkerId = format!("w{scheduler}").parse().unwrap();
                let mut dispatch = [0; 16];
                (dispatch[1], dispatch[2]) = (u8::try_from(scheduler).unwrap(), 1);
                let lease = Lease {
                    attempt: self.job.attempt.next(),
                    dispatch: DispatchId::new(dispatch).in_share(term.share),
                };
                Event::Scheduled { lease, target: Target::Worker(worker) }
            }
            state => {
                let failure = Failure::new(FailureKind::Silent, "the worker stopped sending heartbeats");
                Event::Failed { lease: state.lease()?, failure }
            }
        };
        Some(Change::of(self.job.clone()).then(event, NOW).ok()?.under(term))
    }

    /// Returns what a scheduler decides after it has got a result and read the job.
    pub(super) fn report(&self, result: usize, term: Term) -> Option<Change> {
        let (event, worker) = self.results[result].clone();
        Some(Change::of(self.job.clone()).reported(event, Some(&worker), NOW).ok()?.under(term))
    }

    /// Commits a change under a term that is not over, unless the job is at another version.
    pub(super) fn commit(&mut self, change: Change) -> bool {
        if change.expected() != self.job.version {
            return false;
        }
        self.job = change.into_job();
        self.ends += u8::from(self.job.state.is_terminal());
        true
    }

    pub(super) fn is_at_worker(&self) -> bool {
        self.job
            .state
            .lease()
            .is_some_and(|lease| self.results.iter().all(|(event, _)| event.lease() != Some(lease)))
    }

    /// The worker that has the job reports how it ended.
    pub(super) fn finish(&mut self, succeeds: bool) {
        let (Some(lease), Some(worker)) = (self.job.state.lease(), self.job.state.worker()) else { return };
        let event = if succeeds {
            Event::Succeeded { lease, timings: Timings::default() }
        } else {
            Event::Failed { lease, failure: Failure::new(FailureKind::Broken, "it broke") }
        };
        self.results.push((event, worker.clone()));
    }

    pub(super) fn add_to(&self, key: &mut Vec<u8>) {
        let byte = |number: u64| u8::try_from(number).unwrap_or(u8::MAX);
        key.extend([byte(self.job.version.0), byte(self.job.attempt.0.into()), self.ends]);
        key.extend(self.job.state.name().as_str().as_bytes());
        key.extend(self.job.state.lease().map(|lease| lease.dispatch.as_bytes()[1]));
        for (event, _) in &self.results {
            key.extend(event.name().as_bytes());
            let lease = event.lease();
            key.extend(
                lease
                    .map(|lease| [byte(lease.attempt.0.into()), lease.dispatch.as_bytes()[1]])
                    .into_iter()
                    .flatten(),
            );
        }
    }
}
