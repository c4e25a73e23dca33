//! Jobs that wait for a free request to the safety kernel. Tenants take turns.

use std::time::Duration;

use cortex_domain::fair::{FairQueue, QueueKey, Weights};
use cortex_domain::flow::Accepted;
use cortex_domain::id::{JobId, Tenant};
use cortex_domain::job::Job;
use cortex_domain::time::Uptime;

use super::tracked::Asker;

/// A job about which the safety kernel has not been asked.
#[derive(Debug)]
pub(crate) struct UndecidedJob {
    pub(crate) accepted: Accepted,
    pub(crate) since: Uptime,
}

impl UndecidedJob {
    fn job(&self) -> &Job {
        self.accepted.job()
    }
}

/// Calls and jobs wait in separate queues, because each have their own requests.
#[derive(Debug)]
pub(crate) struct UndecidedQueue {
    calls: FairQueue<UndecidedJob>,
    jobs: FairQueue<UndecidedJob>,
}

impl UndecidedQueue {
    pub(crate) fn new(weights: &Weights) -> Self {
        Self { calls: FairQueue::new(weights.clone()), jobs: FairQueue::new(weights.clone()) }
    }

    pub(crate) fn push(&mut self, undecided_job: UndecidedJob) {
        let job = undecided_job.job();
        let of = Asker::of(job);
        let place = QueueKey {
            job: job.id(),
            tenant: job.tenant().clone(),
            topic: job.topic().clone(),
            priority: job.request.priority,
        };
        self.queue(of).push(place, undecided_job);
    }

    /// Removes and returns the job that is next.
    pub(crate) fn next(&mut self, of: Asker) -> Option<Accepted> {
        let queue = self.queue(of);
        let job = queue.first(|_| true)?.job().id();
        queue.take(job).map(|undecided_job| undecided_job.accepted)
    }

    /// Removes a job without a turn.
    pub(crate) fn remove(&mut self, job: JobId) -> Option<Accepted> {
        let undecided_job = self.calls.remove(job).or_else(|| self.jobs.remove(job))?;
        Some(undecided_job.accepted)
    }

    pub(crate) fn get(&self, job: JobId) -> Option<&Job> {
        self.calls.get(job).or_else(|| self.jobs.get(job)).map(UndecidedJob::job)
    }

    /// Returns the durable job of a tenant that would be the last to get a turn.
    pub(crate) fn last_of(&self, tenant: &Tenant) -> Option<&Job> {
        self.jobs.last_of(tenant, |_| true).map(UndecidedJob::job)
    }

    /// Returns the calls that have waited longer than `most`.
    pub(crate) fn late_calls(&self, most: Duration, now: Uptime) -> Vec<JobId> {
        let late = self.calls.iter().filter(|undecided_job| now.since(undecided_job.since) > most);
        late.map(|undecided_job| undecided_job.job().id()).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.calls.len() + self.jobs.len()
    }

    fn queue(&mut self, of: Asker) -> &mut FairQueue<UndecidedJob> {
        match of {
            Asker::Call => &mut self.calls,
            Asker::Job => &mut self.jobs,
        }
    }
}
