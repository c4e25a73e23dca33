//! Jobs that wait for a worker with room, or for their time. State and rules only.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use cortex_domain::fair::{FairQueue, Place, Shares, Sharing, Weights};
use cortex_domain::flow::Cleared;
use cortex_domain::id::{JobId, Pool, Tenant};
use cortex_domain::job::{Durability, Job, Priority};
use cortex_domain::time::{Timestamp, Uptime};
use cortex_domain::topic::Topic;

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
    pools: BTreeMap<Pool, FairQueue<Ticket>>,
    homes: HashMap<JobId, Pool>,
    weights: Weights,
    /// The durable jobs here, queued or asleep.
    durable: Shares,
    later: BTreeSet<(Timestamp, JobId)>,
    sleepers: BTreeMap<JobId, Sleeper>,
}

#[derive(Debug)]
struct Sleeper {
    at: Timestamp,
    /// Whose durable job it is; a call is not counted here.
    tenant: Option<Tenant>,
}

/// The job's tenant has as many jobs queued as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

/// Within a tenant: the urgent first, then the older.
fn rank(job: &Job) -> (Reverse<Priority>, JobId) {
    (Reverse(job.request.priority), job.id())
}

impl Waiting {
    pub(crate) fn new(sharing: &Sharing) -> Self {
        Self {
            pools: BTreeMap::new(),
            homes: HashMap::new(),
            weights: sharing.weights.clone(),
            durable: Shares::new(sharing.queue, sharing.weights.clone()),
            later: BTreeSet::new(),
            sleepers: BTreeMap::new(),
        }
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.homes.is_empty()
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.homes.len()
    }

    pub(crate) fn get(&self, job: JobId) -> Option<&Ticket> {
        self.pools.get(self.homes.get(&job)?)?.get(job)
    }

    /// Whether a durable job would be queued now.
    pub(crate) fn takes(&self, job: &Job) -> bool {
        let tenant = job.tenant();
        self.durable.held(tenant) < self.durable.limit(tenant)
            || self.durable.is_short(tenant)
            || self.last_of(tenant).is_some_and(|last| rank(job) < rank(last))
    }

    /// Queues a job for a pool; one that is queued already is replaced.
    ///
    /// Returns the job that was given up for it. Where its tenant has its share, it takes the place of a less urgent one of the same tenant. Where all is taken,
    /// a tenant that has less than an even part takes the place of the last one of who has the most.
    pub(crate) fn push(&mut self, ticket: Ticket, pool: &Pool) -> Result<Option<JobId>, Full> {
        let job = ticket.job();
        let (id, tenant) = (job.id(), job.tenant().clone());
        self.remove(id);
        let mut given_up = None;
        if job.durability == Durability::Durable {
            given_up = self.make_room(job)?;
            self.durable.force(&tenant, 1);
        }
        let place = Place { job: id, tenant, topic: job.topic().clone(), priority: job.request.priority };
        self.homes.insert(id, pool.clone());
        let queue = self.pools.entry(pool.clone()).or_insert_with(|| FairQueue::new(self.weights.clone()));
        queue.push(place, ticket);
        Ok(given_up)
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
            let asleep = || self.sleepers.iter().find(|(_, sleeper)| sleeper.tenant.as_ref() == Some(most));
            self.last_of(most).map(Job::id).or_else(|| asleep().map(|(job, _)| *job))
        });
        let given_up = given_up.ok_or(Full)?;
        self.remove(given_up);
        self.wake(given_up);
        Ok(Some(given_up))
    }

    /// The durable job of a tenant that would have its turn last.
    fn last_of(&self, tenant: &Tenant) -> Option<&Job> {
        let durable = |ticket: &Ticket| ticket.job().durability == Durability::Durable;
        let lasts = self.pools.values().filter_map(|queue| queue.last_of(tenant, durable));
        lasts.map(Ticket::job).max_by_key(|job| rank(job))
    }

    /// Takes a job out of the queue without a turn.
    pub(crate) fn remove(&mut self, job: JobId) -> Option<Ticket> {
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
        let known = ticket.job();
        if known.durability == Durability::Durable {
            self.durable.give(known.tenant(), 1);
        }
        Some(ticket)
    }

    /// The pools that somebody waits for.
    pub(crate) fn pools(&self) -> Vec<Pool> {
        self.pools.keys().cloned().collect()
    }

    /// Whose turn it is at a pool, among the topics that fit.
    pub(crate) fn first(&self, pool: &Pool, fits: impl Fn(&Topic) -> bool) -> Option<&Job> {
        self.pools.get(pool)?.first(fits).map(Ticket::job)
    }

    /// Charges a tenant a further turn at a pool, for a job that still runs.
    pub(crate) fn charge(&mut self, pool: &Pool, tenant: &Tenant) {
        if let Some(queue) = self.pools.get_mut(pool) {
            queue.charge(tenant, 1);
        }
    }

    /// Lets a job come back at a time. Of a tenant that has its share none is kept: the reconciler finds it again.
    pub(crate) fn later(&mut self, job: &Job, at: Timestamp) {
        let tenant = (job.durability == Durability::Durable).then(|| job.tenant().clone());
        self.wake(job.id());
        if tenant.as_ref().is_none_or(|tenant| self.durable.take(tenant, 1).is_ok()) {
            self.later.insert((at, job.id()));
            self.sleepers.insert(job.id(), Sleeper { at, tenant });
        }
    }

    /// Forgets that a job is to come back.
    pub(crate) fn wake(&mut self, job: JobId) {
        if let Some(Sleeper { at, tenant }) = self.sleepers.remove(&job) {
            self.later.remove(&(at, job));
            if let Some(tenant) = tenant {
                self.durable.give(&tenant, 1);
            }
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
