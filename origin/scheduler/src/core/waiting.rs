//! Jobs that wait for the safety kernel, for a worker with room, or for a time. This module has no
//! clock.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use cortex_domain::fair::{FairQueue, QueueKey, Shares, Sharing, Weights};
use cortex_domain::flow::{Accepted, Cleared};
use cortex_domain::id::{JobId, Pool, Tenant};
use cortex_domain::job::{Durability, Job, Priority};
use cortex_domain::time::{Timestamp, Uptime};
use cortex_domain::topic::Topic;

use super::tracked::Asker;
use super::undecided::{UndecidedJob, UndecidedQueue};

/// A cleared job in a queue.
#[derive(Debug)]
pub(crate) struct QueuedJob {
    pub(crate) cleared: Cleared,
    pub(crate) since: Uptime,
}

impl QueuedJob {
    fn job(&self) -> &Job {
        self.cleared.job()
    }
}

/// The queues, one for each pool, in which tenants take turns. Each tenant has a share of the
/// places for durable jobs. A job without a place stays in the store and comes back when there is
/// room. Calls are limited before they come here.
#[derive(Debug)]
pub(crate) struct Waiting {
    undecided: UndecidedQueue,
    pools: BTreeMap<Pool, FairQueue<QueuedJob>>,
    pool_of: HashMap<JobId, Pool>,
    weights: Weights,
    /// The places of durable jobs: of undecided, queued and delayed ones.
    durable: Shares,
    /// The tenants of those jobs.
    places: HashMap<JobId, Tenant>,
    by_wake_time: BTreeSet<(Timestamp, JobId)>,
    wake_times: BTreeMap<JobId, Timestamp>,
}

/// The job's tenant has used its share of the places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct QueueFull;

/// The order within a tenant: higher priority first, then older jobs.
fn rank(job: &Job) -> (Reverse<Priority>, JobId) {
    (Reverse(job.request.priority), job.id())
}

impl Waiting {
    pub(crate) fn new(sharing: &Sharing) -> Self {
        Self {
            undecided: UndecidedQueue::new(&sharing.weights),
            pools: BTreeMap::new(),
            pool_of: HashMap::new(),
            weights: sharing.weights.clone(),
            durable: Shares::new(sharing.queue, sharing.weights.clone()),
            places: HashMap::new(),
            by_wake_time: BTreeSet::new(),
            wake_times: BTreeMap::new(),
        }
    }

    /// Returns a queued job.
    pub(crate) fn get(&self, job: JobId) -> Option<&QueuedJob> {
        self.pools.get(self.pool_of.get(&job)?)?.get(job)
    }

    /// Returns a job that is queued or undecided.
    pub(crate) fn job(&self, job: JobId) -> Option<&Job> {
        self.get(job).map(QueuedJob::job).or_else(|| self.undecided.get(job))
    }

    /// Returns whether there is a place for a durable job now.
    pub(crate) fn has_place_for(&self, job: &Job) -> bool {
        let tenant = job.tenant();
        self.durable.held(tenant) < self.durable.limit(tenant)
            || self.durable.is_short(tenant)
            || self.last_of(tenant).is_some_and(|last| rank(job) < rank(last))
    }

    /// Gives a durable job a place, which it keeps until it is removed or [`Self::free_place`] is
    /// called. Returns the job that lost its place to it, if any.
    ///
    /// If the tenant has used its share, the job takes the place of a less urgent one of the same
    /// tenant. If all places are taken, a tenant with less than an even share takes the place of
    /// the last job of the tenant with the most.
    pub(crate) fn take_place(&mut self, job: &Job) -> Result<Option<JobId>, QueueFull> {
        if job.durability != Durability::Durable || self.places.contains_key(&job.id()) {
            return Ok(None);
        }
        let given_up = self.make_room(job)?;
        self.durable.force(job.tenant(), 1);
        self.places.insert(job.id(), job.tenant().clone());
        Ok(given_up)
    }

    /// Frees a job's place.
    pub(crate) fn free_place(&mut self, job: JobId) {
        if let Some(tenant) = self.places.remove(&job) {
            self.durable.give(&tenant, 1);
        }
    }

    /// Lets a job that has a place wait for a request to the safety kernel.
    pub(crate) fn push_undecided(&mut self, accepted: Accepted, now: Uptime) {
        self.undecided.push(UndecidedJob { accepted, since: now });
    }

    /// Removes and returns the next job to ask the safety kernel about. It keeps its place.
    pub(crate) fn next_undecided(&mut self, of: Asker) -> Option<Accepted> {
        self.undecided.next(of)
    }

    /// Returns the calls that have waited longer than `most` for a request to the safety kernel.
    pub(crate) fn late_calls(&self, most: Duration, now: Uptime) -> Vec<JobId> {
        self.undecided.late_calls(most, now)
    }

    /// Queues a job that has a place for a pool. Replaces the job if it is already queued.
    pub(crate) fn push(&mut self, queued: QueuedJob, pool: &Pool) {
        let job = queued.job();
        let (id, tenant) = (job.id(), job.tenant().clone());
        let place = QueueKey { job: id, tenant, topic: job.topic().clone(), priority: job.request.priority };
        self.pool_of.insert(id, pool.clone());
        let queue = self.pools.entry(pool.clone()).or_insert_with(|| FairQueue::new(self.weights.clone()));
        queue.push(place, queued);
    }

    fn make_room(&mut self, job: &Job) -> Result<Option<JobId>, QueueFull> {
        let tenant = job.tenant();
        if self.durable.held(tenant) < self.durable.limit(tenant) {
            return Ok(None);
        }
        let own = self.last_of(tenant).filter(|last| rank(job) < rank(last)).map(Job::id);
        let given_up = own.or_else(|| {
            let most =
                self.durable.largest().filter(|most| self.durable.is_short(tenant) && *most != tenant)?;
            let asleep = || self.wake_times.keys().find(|sleeper| self.places.get(sleeper) == Some(most));
            self.last_of(most).map(Job::id).or_else(|| asleep().copied())
        });
        let given_up = given_up.ok_or(QueueFull)?;
        self.withdraw(given_up);
        self.wake(given_up);
        Ok(Some(given_up))
    }

    /// Returns the durable job of a tenant that would be the last to get a turn.
    fn last_of(&self, tenant: &Tenant) -> Option<&Job> {
        let durable = |queued: &QueuedJob| queued.job().durability == Durability::Durable;
        let lasts = self.pools.values().filter_map(|queue| queue.last_of(tenant, durable));
        lasts.map(QueuedJob::job).chain(self.undecided.last_of(tenant)).max_by_key(|job| rank(job))
    }

    /// Removes a job that is queued or undecided, without a turn.
    pub(crate) fn withdraw(&mut self, job: JobId) -> Option<Job> {
        if let Some(accepted) = self.undecided.remove(job) {
            self.free_place(job);
            return Some(accepted.into_job());
        }
        self.remove(job).map(|queued| queued.cleared.into_job())
    }

    fn remove(&mut self, job: JobId) -> Option<QueuedJob> {
        self.remove_with(job, FairQueue::remove)
    }

    /// Removes a job from its queue and charges its tenant one turn.
    pub(crate) fn take(&mut self, job: JobId) -> Option<QueuedJob> {
        self.remove_with(job, FairQueue::take)
    }

    fn remove_with(
        &mut self,
        job: JobId,
        how: impl FnOnce(&mut FairQueue<QueuedJob>, JobId) -> Option<QueuedJob>,
    ) -> Option<QueuedJob> {
        let pool = self.pool_of.remove(&job)?;
        let queue = self.pools.get_mut(&pool)?;
        let queued = how(queue, job)?;
        if queue.is_empty() {
            self.pools.remove(&pool);
        }
        self.free_place(job);
        Some(queued)
    }

    /// Returns each queue's pool, its length and when its oldest job was queued.
    pub(crate) fn queues(&self) -> impl Iterator<Item = (&Pool, usize, Uptime)> {
        self.pools.iter().filter_map(|(pool, queue)| {
            let oldest = queue.iter().map(|queued| queued.since).min()?;
            Some((pool, queue.len(), oldest))
        })
    }

    /// Returns how many jobs wait for the safety kernel.
    pub(crate) fn undecided(&self) -> usize {
        self.undecided.len()
    }

    /// Returns how many jobs wait for a time.
    pub(crate) fn delayed(&self) -> usize {
        self.wake_times.len()
    }

    /// Returns the pools that jobs wait for.
    pub(crate) fn pools(&self) -> Vec<Pool> {
        self.pools.keys().cloned().collect()
    }

    /// Returns the next job of a pool among the topics that fit.
    pub(crate) fn first(&self, pool: &Pool, fits: impl Fn(&Topic) -> bool) -> Option<&QueuedJob> {
        self.pools.get(pool)?.first(fits)
    }

    /// Charges a tenant another turn at a pool, for a job that still runs.
    pub(crate) fn charge(&mut self, pool: &Pool, tenant: &Tenant) {
        if let Some(queue) = self.pools.get_mut(pool) {
            queue.charge(tenant, 1);
        }
    }

    /// Delays a job until a time. If its tenant has used its share, the job is dropped, and the
    /// reconciler finds it again.
    pub(crate) fn delay(&mut self, job: &Job, at: Timestamp) {
        let (id, tenant) = (job.id(), job.tenant());
        self.wake(id);
        if job.durability == Durability::Durable {
            if self.durable.take(tenant, 1).is_err() {
                return;
            }
            self.places.insert(id, tenant.clone());
        }
        self.by_wake_time.insert((at, id));
        self.wake_times.insert(id, at);
    }

    /// Removes a job from the delayed ones.
    pub(crate) fn wake(&mut self, job: JobId) {
        if let Some(at) = self.wake_times.remove(&job) {
            self.by_wake_time.remove(&(at, job));
            self.free_place(job);
        }
    }

    /// Removes and returns the delayed jobs that are due, at most `most`.
    pub(crate) fn take_due(&mut self, now: Timestamp, most: usize) -> Vec<JobId> {
        let due = first_due(&self.by_wake_time, now, most);
        for job in &due {
            self.wake(*job);
        }
        due
    }

    /// Removes and returns the queued jobs that `pick` selects, at most `most`.
    pub(crate) fn take_if(&mut self, most: usize, pick: impl Fn(&QueuedJob) -> bool) -> Vec<QueuedJob> {
        let queued = self.pools.values().flat_map(FairQueue::iter);
        let picked: Vec<JobId> =
            queued.filter(|queued| pick(queued)).map(|queued| queued.job().id()).take(most).collect();
        picked.into_iter().filter_map(|job| self.remove(job)).collect()
    }
}

fn first_due(set: &BTreeSet<(Timestamp, JobId)>, now: Timestamp, most: usize) -> Vec<JobId> {
    set.iter().take_while(|(at, _)| *at <= now).take(most).map(|(_, job)| *job).collect()
}

#[cfg(test)]
impl Waiting {
    pub(crate) fn is_empty(&self) -> bool {
        self.pool_of.is_empty()
            && self.undecided.len() == 0
            && self.places.is_empty()
            && self.wake_times.is_empty()
    }

    /// Returns how many jobs are queued, and how many are undecided.
    pub(crate) fn lens(&self) -> (usize, usize) {
        (self.pool_of.len(), self.undecided.len())
    }

    pub(crate) fn has_place(&self, job: JobId) -> bool {
        self.places.contains_key(&job)
    }

    pub(crate) fn sleeps(&self, job: JobId) -> bool {
        self.wake_times.contains_key(&job)
    }

    /// Returns how many places are counted, how many jobs have one, and how many of those are
    /// delayed.
    pub(crate) fn places(&self) -> (usize, usize, usize) {
        let asleep = self.places.keys().filter(|job| self.wake_times.contains_key(job)).count();
        (self.durable.all(), self.places.len(), asleep)
    }
}
