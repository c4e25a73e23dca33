//! Jobs that wait for the safety kernel, for a worker with room, or for their time. State and rules only.

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
use super::unjudged::{Unasked, Unjudged};

/// A cleared job in the queue.
#[derive(Debug)]
pub(crate) struct Ticket {
    pub(crate) cleared: Cleared,
    pub(crate) since: Uptime,
}

impl Ticket {
    fn job(&self) -> &Job {
        self.cleared.job()
    }
}

/// The queues, one for each pool, in which tenants take turns. Durable jobs are bounded, each tenant's by its share;
/// what does not fit stays in the store and comes back when there is room. Calls are bounded before they come here.
#[derive(Debug)]
pub(crate) struct Waiting {
    unjudged: Unjudged,
    pools: BTreeMap<Pool, FairQueue<Ticket>>,
    homes: HashMap<JobId, Pool>,
    weights: Weights,
    /// The durable jobs here: to be judged or being judged, queued or asleep.
    durable: Shares,
    /// Whose those jobs are.
    places: HashMap<JobId, Tenant>,
    later: BTreeSet<(Timestamp, JobId)>,
    sleepers: BTreeMap<JobId, Timestamp>,
}

/// The job's tenant has as many jobs here as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

/// Within a tenant: the urgent first, then the older.
fn rank(job: &Job) -> (Reverse<Priority>, JobId) {
    (Reverse(job.request.priority), job.id())
}

impl Waiting {
    pub(crate) fn new(sharing: &Sharing) -> Self {
        Self {
            unjudged: Unjudged::new(&sharing.weights),
            pools: BTreeMap::new(),
            homes: HashMap::new(),
            weights: sharing.weights.clone(),
            durable: Shares::new(sharing.queue, sharing.weights.clone()),
            places: HashMap::new(),
            later: BTreeSet::new(),
            sleepers: BTreeMap::new(),
        }
    }

    /// A queued job.
    pub(crate) fn get(&self, job: JobId) -> Option<&Ticket> {
        self.pools.get(self.homes.get(&job)?)?.get(job)
    }

    /// A job that is queued or to be judged.
    pub(crate) fn job(&self, job: JobId) -> Option<&Job> {
        self.get(job).map(Ticket::job).or_else(|| self.unjudged.get(job))
    }

    /// Whether a durable job would be taken now.
    pub(crate) fn takes(&self, job: &Job) -> bool {
        let tenant = job.tenant();
        self.durable.held(tenant) < self.durable.limit(tenant)
            || self.durable.is_short(tenant)
            || self.last_of(tenant).is_some_and(|last| rank(job) < rank(last))
    }

    /// Gives a durable job a place, which it has until it is taken out or [`Self::leave`]. Returns the job that was given up
    /// for it.
    ///
    /// Where its tenant has its share, it takes the place of a less urgent one of the same tenant. Where all is taken, a tenant
    /// that has less than an even part takes the place of the last one of the tenant that has the most.
    pub(crate) fn enter(&mut self, job: &Job) -> Result<Option<JobId>, Full> {
        if job.durability != Durability::Durable || self.places.contains_key(&job.id()) {
            return Ok(None);
        }
        let given_up = self.make_room(job)?;
        self.durable.force(job.tenant(), 1);
        self.places.insert(job.id(), job.tenant().clone());
        Ok(given_up)
    }

    /// Gives a job's place back.
    pub(crate) fn leave(&mut self, job: JobId) {
        if let Some(tenant) = self.places.remove(&job) {
            self.durable.give(&tenant, 1);
        }
    }

    /// Lets a job that has its place wait for a request to the safety kernel.
    pub(crate) fn push_unjudged(&mut self, accepted: Accepted, now: Uptime) {
        self.unjudged.push(Unasked { accepted, since: now });
    }

    /// Takes out the job that the safety kernel is asked about next. It keeps its place.
    pub(crate) fn next_unjudged(&mut self, of: Asker) -> Option<Accepted> {
        self.unjudged.next(of)
    }

    /// The calls that have waited longer than `most` for a request to the safety kernel.
    pub(crate) fn late_calls(&self, most: Duration, now: Uptime) -> Vec<JobId> {
        self.unjudged.late_calls(most, now)
    }

    /// Queues a job that has its place for a pool; one that is queued already is replaced.
    pub(crate) fn push(&mut self, ticket: Ticket, pool: &Pool) {
        let job = ticket.job();
        let (id, tenant) = (job.id(), job.tenant().clone());
        let place = QueueKey { job: id, tenant, topic: job.topic().clone(), priority: job.request.priority };
        self.homes.insert(id, pool.clone());
        let queue = self.pools.entry(pool.clone()).or_insert_with(|| FairQueue::new(self.weights.clone()));
        queue.push(place, ticket);
    }

    fn make_room(&mut self, job: &Job) -> Result<Option<JobId>, Full> {
        let tenant = job.tenant();
        if self.durable.held(tenant) < self.durable.limit(tenant) {
            return Ok(None);
        }
        let own = self.last_of(tenant).filter(|last| rank(job) < rank(last)).map(Job::id);
        let given_up = own.or_else(|| {
            let most =
                self.durable.largest().filter(|most| self.durable.is_short(tenant) && *most != tenant)?;
            let asleep = || self.sleepers.keys().find(|sleeper| self.places.get(sleeper) == Some(most));
            self.last_of(most).map(Job::id).or_else(|| asleep().copied())
        });
        let given_up = given_up.ok_or(Full)?;
        self.withdraw(given_up);
        self.wake(given_up);
        Ok(Some(given_up))
    }

    /// The durable job of a tenant that would have its turn last.
    fn last_of(&self, tenant: &Tenant) -> Option<&Job> {
        let durable = |ticket: &Ticket| ticket.job().durability == Durability::Durable;
        let lasts = self.pools.values().filter_map(|queue| queue.last_of(tenant, durable));
        lasts.map(Ticket::job).chain(self.unjudged.last_of(tenant)).max_by_key(|job| rank(job))
    }

    /// Takes out a job that is queued or to be judged, without a turn.
    pub(crate) fn withdraw(&mut self, job: JobId) -> Option<Job> {
        if let Some(accepted) = self.unjudged.remove(job) {
            self.leave(job);
            return Some(accepted.into_job());
        }
        self.remove(job).map(|ticket| ticket.cleared.into_job())
    }

    fn remove(&mut self, job: JobId) -> Option<Ticket> {
        self.out(job, FairQueue::remove)
    }

    /// Takes a job out of the queue, for which its tenant has used a turn.
    pub(crate) fn take(&mut self, job: JobId) -> Option<Ticket> {
        self.out(job, FairQueue::take)
    }

    fn out(
        &mut self,
        job: JobId,
        how: impl FnOnce(&mut FairQueue<Ticket>, JobId) -> Option<Ticket>,
    ) -> Option<Ticket> {
        let pool = self.homes.remove(&job)?;
        let queue = self.pools.get_mut(&pool)?;
        let ticket = how(queue, job)?;
        if queue.is_empty() {
            self.pools.remove(&pool);
        }
        self.leave(job);
        Some(ticket)
    }

    /// Returns each queue's pool, its length and when its oldest job was queued.
    pub(crate) fn queues(&self) -> impl Iterator<Item = (&Pool, usize, Uptime)> {
        self.pools.iter().filter_map(|(pool, queue)| {
            let oldest = queue.iter().map(|ticket| ticket.since).min()?;
            Some((pool, queue.len(), oldest))
        })
    }

    /// Returns how many jobs wait for the safety kernel.
    pub(crate) fn undecided(&self) -> usize {
        self.unjudged.len()
    }

    /// Returns how many jobs wait for a time.
    pub(crate) fn delayed(&self) -> usize {
        self.sleepers.len()
    }

    /// The pools that jobs wait for.
    pub(crate) fn pools(&self) -> Vec<Pool> {
        self.pools.keys().cloned().collect()
    }

    /// Whose turn it is at a pool, among the topics that fit.
    pub(crate) fn first(&self, pool: &Pool, fits: impl Fn(&Topic) -> bool) -> Option<&Ticket> {
        self.pools.get(pool)?.first(fits)
    }

    /// Charges a tenant a further turn at a pool, for a job that still runs.
    pub(crate) fn charge(&mut self, pool: &Pool, tenant: &Tenant) {
        if let Some(queue) = self.pools.get_mut(pool) {
            queue.charge(tenant, 1);
        }
    }

    /// Lets a job come back at a time. Of a tenant that has its share none is kept: the reconciler finds it again.
    pub(crate) fn later(&mut self, job: &Job, at: Timestamp) {
        let (id, tenant) = (job.id(), job.tenant());
        self.wake(id);
        if job.durability == Durability::Durable {
            if self.durable.take(tenant, 1).is_err() {
                return;
            }
            self.places.insert(id, tenant.clone());
        }
        self.later.insert((at, id));
        self.sleepers.insert(id, at);
    }

    /// Forgets that a job is to come back.
    pub(crate) fn wake(&mut self, job: JobId) {
        if let Some(at) = self.sleepers.remove(&job) {
            self.later.remove(&(at, job));
            self.leave(job);
        }
    }

    /// Takes out the jobs whose time has come, at most `most`.
    pub(crate) fn due(&mut self, now: Timestamp, most: usize) -> Vec<JobId> {
        let due = until(&self.later, now, most);
        for job in &due {
            self.wake(*job);
        }
        due
    }

    /// Takes out the tickets that fit `pick`, at most `most`.
    pub(crate) fn take_if(&mut self, most: usize, pick: impl Fn(&Ticket) -> bool) -> Vec<Ticket> {
        let queued = self.pools.values().flat_map(FairQueue::iter);
        let picked: Vec<JobId> =
            queued.filter(|ticket| pick(ticket)).map(|ticket| ticket.job().id()).take(most).collect();
        picked.into_iter().filter_map(|job| self.remove(job)).collect()
    }
}

fn until(set: &BTreeSet<(Timestamp, JobId)>, now: Timestamp, most: usize) -> Vec<JobId> {
    set.iter().take_while(|(at, _)| *at <= now).take(most).map(|(_, job)| *job).collect()
}

#[cfg(test)]
impl Waiting {
    pub(crate) fn is_empty(&self) -> bool {
        self.homes.is_empty()
            && self.unjudged.len() == 0
            && self.places.is_empty()
            && self.sleepers.is_empty()
    }

    /// The jobs that are queued, and those that are to be judged.
    pub(crate) fn lens(&self) -> (usize, usize) {
        (self.homes.len(), self.unjudged.len())
    }

    pub(crate) fn has_place(&self, job: JobId) -> bool {
        self.places.contains_key(&job)
    }

    pub(crate) fn sleeps(&self, job: JobId) -> bool {
        self.sleepers.contains_key(&job)
    }

    /// How many places are counted, how many jobs have one, and how many of those sleep.
    pub(crate) fn places(&self) -> (usize, usize, usize) {
        let asleep = self.places.keys().filter(|job| self.sleepers.contains_key(job)).count();
        (self.durable.all(), self.places.len(), asleep)
    }
}
