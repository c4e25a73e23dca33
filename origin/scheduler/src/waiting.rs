//! Jobs that wait for a worker with room, or for their time. State and rules only.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use cortex_domain::flow::Cleared;
use cortex_domain::id::JobId;
use cortex_domain::job::Priority;
use cortex_domain::time::{Timestamp, Uptime};
use cortex_domain::topic::Topic;

/// A cleared job in the queue.
#[derive(Debug)]
pub(crate) struct Ticket {
    pub(crate) cleared: Cleared,
    pub(crate) since: Uptime,
}

/// Within a topic: the urgent first, then the older.
type Rank = (Reverse<Priority>, JobId);

/// The queue. Bounded; what does not fit stays in the store and comes back when there is room.
#[derive(Debug)]
pub(crate) struct Waiting {
    limit: usize,
    topics: HashMap<Topic, BTreeMap<Rank, Ticket>>,
    places: HashMap<JobId, (Topic, Rank)>,
    later: BTreeSet<(Timestamp, JobId)>,
    deadlines: BTreeSet<(Timestamp, JobId)>,
}

/// The queue holds as many jobs as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

impl Waiting {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            topics: HashMap::new(),
            places: HashMap::new(),
            later: BTreeSet::new(),
            deadlines: BTreeSet::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn has_room(&self) -> bool {
        self.places.len() + self.later.len() < self.limit
    }

    pub(crate) fn contains(&self, job: JobId) -> bool {
        self.places.contains_key(&job)
    }

    /// Queues a job; one that is queued already is replaced.
    pub(crate) fn push(&mut self, ticket: Ticket) -> Result<(), Full> {
        let job = ticket.cleared.job();
        let (id, topic) = (job.id(), job.topic().clone());
        self.remove(id);
        if !self.has_room() {
            return Err(Full);
        }
        if let Some(deadline) = job.request.limits.deadline {
            self.deadlines.insert((deadline, id));
        }
        let rank = (Reverse(job.request.priority), id);
        self.places.insert(id, (topic.clone(), rank));
        self.topics.entry(topic).or_default().insert(rank, ticket);
        Ok(())
    }

    pub(crate) fn remove(&mut self, job: JobId) -> Option<Ticket> {
        let (topic, rank) = self.places.remove(&job)?;
        let queue = self.topics.get_mut(&topic)?;
        let ticket = queue.remove(&rank)?;
        if queue.is_empty() {
            self.topics.remove(&topic);
        }
        if let Some(deadline) = ticket.cleared.job().request.limits.deadline {
            self.deadlines.remove(&(deadline, job));
        }
        Some(ticket)
    }

    /// The topics that somebody waits for.
    pub(crate) fn topics(&self) -> Vec<Topic> {
        self.topics.keys().cloned().collect()
    }

    /// Who is first in a topic's queue.
    pub(crate) fn first(&self, topic: &Topic) -> Option<&Ticket> {
        self.topics.get(topic)?.values().next()
    }

    /// Lets a job come back at a time. Dropped when the queue is full: the reconciler finds it again.
    pub(crate) fn later(&mut self, job: JobId, at: Timestamp) {
        if self.has_room() {
            self.later.insert((at, job));
        }
    }

    /// Takes out the jobs whose time has come, at most `most`.
    pub(crate) fn due(&mut self, now: Timestamp, most: usize) -> Vec<JobId> {
        take_until(&mut self.later, now, most)
    }

    /// Takes out the queued jobs whose deadline has passed, at most `most`.
    pub(crate) fn expired(&mut self, now: Timestamp, most: usize) -> Vec<Ticket> {
        let jobs = take_until(&mut self.deadlines, now, most);
        jobs.into_iter().filter_map(|job| self.remove(job)).collect()
    }

    /// Takes out the tickets that fit `pick`, at most `most`.
    pub(crate) fn take_if(&mut self, most: usize, pick: impl Fn(&Ticket) -> bool) -> Vec<Ticket> {
        let picked: Vec<JobId> = self
            .topics
            .values()
            .flat_map(|queue| queue.values())
            .filter(|ticket| pick(ticket))
            .map(|ticket| ticket.cleared.job().id())
            .take(most)
            .collect();
        picked.into_iter().filter_map(|job| self.remove(job)).collect()
    }
}

fn take_until(set: &mut BTreeSet<(Timestamp, JobId)>, now: Timestamp, most: usize) -> Vec<JobId> {
    let mut taken = Vec::new();
    while taken.len() < most
        && let Some((at, job)) = set.first().copied().filter(|(at, _)| *at <= now)
    {
        set.remove(&(at, job));
        taken.push(job);
    }
    taken
}
