//! A queue in which tenants take turns.
//!
//! Every tenant has a virtual time. It grows by one turn, divided by the tenant's weight, whenever
//! the tenant is served. The tenant with the smallest virtual time is next. Within a tenant, higher
//! priorities go first, then older jobs. A tenant that returns after a pause starts at the virtual
//! time of the latest turn, so tenants can't save up turns. (Goyal, Vin and Cheng, "Start-time fair
//! queueing", SIGCOMM 1996.) A priority therefore never helps against another tenant.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::fair::Weights;
use crate::id::{JobId, Tenant};
use crate::job::Priority;
use crate::topic::Topic;

/// The virtual time of a turn at weight one.
const TURN_COST: u64 = 1 << 20;
/// How many tenants to remember that have no waiting jobs but a virtual time ahead of the others.
const MAX_IDLE_TENANTS: usize = 1024;

/// A waiting job's key in the queue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QueueKey {
    pub job: JobId,
    pub tenant: Tenant,
    pub topic: Topic,
    pub priority: Priority,
}

/// The order within a tenant: higher priority first, then older jobs.
type Rank = (Reverse<Priority>, JobId);
/// The order between tenants: smaller virtual time first, then the tenant that was served or added
/// earlier.
type Standing = (u64, u64);

/// The waiting jobs, each with an item.
#[derive(Debug)]
pub struct FairQueue<T> {
    weights: Weights,
    lanes: BTreeMap<Topic, Lane<T>>,
    accounts: BTreeMap<Tenant, Account>,
    places: HashMap<JobId, QueueKey>,
    /// The virtual time of the latest turn.
    now: u64,
    /// A counter of turns and added tenants that breaks ties.
    count: u64,
}

#[derive(Debug)]
struct Lane<T> {
    tenants: BTreeMap<Tenant, BTreeMap<Rank, T>>,
    order: BTreeSet<(Standing, Tenant)>,
}

impl<T> Default for Lane<T> {
    fn default() -> Self {
        Self { tenants: BTreeMap::new(), order: BTreeSet::new() }
    }
}

#[derive(Debug)]
struct Account {
    standing: Standing,
    waiting: usize,
}

impl<T> FairQueue<T> {
    #[must_use]
    pub fn new(weights: Weights) -> Self {
        Self {
            weights,
            lanes: BTreeMap::new(),
            accounts: BTreeMap::new(),
            places: HashMap::new(),
            now: 0,
            count: 0,
        }
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Adds a job. If the job is already queued, replaces it and returns the earlier item.
    pub fn push(&mut self, place: QueueKey, item: T) -> Option<T> {
        let replaced = self.remove(place.job);
        let (now, count) = (self.now, &mut self.count);
        let account = self.accounts.entry(place.tenant.clone()).or_insert_with(|| {
            *count += 1;
            Account { standing: (now, *count), waiting: 0 }
        });
        if account.waiting == 0 {
            account.standing.0 = account.standing.0.max(now);
        }
        account.waiting += 1;
        let lane = self.lanes.entry(place.topic.clone()).or_default();
        lane.order.insert((account.standing, place.tenant.clone()));
        lane.tenants.entry(place.tenant.clone()).or_default().insert(rank(&place), item);
        self.places.insert(place.job, place);
        replaced
    }

    /// Removes a job without charging a turn.
    pub fn remove(&mut self, job: JobId) -> Option<T> {
        let place = self.places.remove(&job)?;
        let lane = self.lanes.get_mut(&place.topic)?;
        let queue = lane.tenants.get_mut(&place.tenant)?;
        let item = queue.remove(&rank(&place))?;
        let account = self.accounts.get_mut(&place.tenant)?;
        account.waiting -= 1;
        if queue.is_empty() {
            lane.tenants.remove(&place.tenant);
            lane.order.remove(&(account.standing, place.tenant));
            if lane.tenants.is_empty() {
                self.lanes.remove(&place.topic);
            }
        }
        self.forget();
        Some(item)
    }

    /// Returns the next job among the topics that fit.
    #[must_use]
    pub fn first(&self, fits: impl Fn(&Topic) -> bool) -> Option<&T> {
        let fitting = self.lanes.iter().filter(|(topic, _)| fits(topic));
        let heads = fitting.filter_map(|(_, lane)| {
            let (standing, tenant) = lane.order.first()?;
            let (rank, item) = lane.tenants.get(tenant)?.first_key_value()?;
            Some(((standing, tenant, rank), item))
        });
        heads.min_by_key(|(key, _)| *key).map(|(_, item)| item)
    }

    /// Removes a job and charges its tenant one turn.
    pub fn take(&mut self, job: JobId) -> Option<T> {
        let tenant = self.places.get(&job)?.tenant.clone();
        let start = self.accounts.get(&tenant)?.standing.0.max(self.now);
        self.now = start;
        self.count += 1;
        self.stand(&tenant, (start.saturating_add(self.cost(&tenant, 1)), self.count));
        self.remove(job)
    }

    /// Charges a tenant for further turns, for a job that runs long. Charges nothing while no job
    /// is waiting.
    pub fn charge(&mut self, tenant: &Tenant, turns: u32) {
        if self.is_empty() {
            return;
        }
        let cost = self.cost(tenant, turns);
        match self.accounts.get(tenant).map(|account| account.standing) {
            Some((time, since)) => self.stand(tenant, (time.max(self.now).saturating_add(cost), since)),
            None => {
                self.count += 1;
                let standing = (self.now.saturating_add(cost), self.count);
                self.accounts.insert(tenant.clone(), Account { standing, waiting: 0 });
                self.forget();
            }
        }
    }

    /// Returns the job of a tenant that is last in turn, among those for which `may` returns true.
    #[must_use]
    pub fn last_of(&self, tenant: &Tenant, may: impl Fn(&T) -> bool) -> Option<&T> {
        let queues = self.lanes.values().filter_map(|lane| lane.tenants.get(tenant));
        let lasts = queues.filter_map(|queue| queue.iter().rev().find(|(_, item)| may(item)));
        lasts.max_by_key(|(rank, _)| **rank).map(|(_, item)| item)
    }

    #[must_use]
    pub fn get(&self, job: JobId) -> Option<&T> {
        let place = self.places.get(&job)?;
        self.lanes.get(&place.topic)?.tenants.get(&place.tenant)?.get(&rank(place))
    }

    /// Returns all waiting jobs in arbitrary order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.lanes.values().flat_map(|lane| lane.tenants.values()).flat_map(BTreeMap::values)
    }

    fn cost(&self, tenant: &Tenant, turns: u32) -> u64 {
        TURN_COST / u64::from(self.weights.of(tenant).get()) * u64::from(turns)
    }

    /// Sets a tenant's standing in all lanes.
    fn stand(&mut self, tenant: &Tenant, standing: Standing) {
        let Some(account) = self.accounts.get_mut(tenant) else { return };
        let before = std::mem::replace(&mut account.standing, standing);
        for lane in self.lanes.values_mut() {
            if lane.order.remove(&(before, tenant.clone())) {
                lane.order.insert((standing, tenant.clone()));
            }
        }
    }

    /// Drops tenants without waiting jobs that are not ahead of the others, and all tenants once no
    /// job is waiting.
    fn forget(&mut self) {
        if self.places.is_empty() {
            self.accounts.clear();
            self.now = 0;
            return;
        }
        let now = self.now;
        let room = self.lanes.values().map(|lane| lane.order.len()).sum::<usize>() + MAX_IDLE_TENANTS;
        if self.accounts.len() > room {
            self.accounts.retain(|_, account| account.waiting > 0 || account.standing.0 > now);
        }
        if self.accounts.len() > room {
            self.accounts.retain(|_, account| account.waiting > 0);
        }
    }
}

fn rank(place: &QueueKey) -> Rank {
    (Reverse(place.priority), place.job)
}

#[cfg(test)]
mod tests;
