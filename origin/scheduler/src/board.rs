//! What the scheduler holds in memory. All of it can be lost: the store is the truth.

use std::collections::{HashMap, HashSet};

use cortex_domain::event::{Entry, Event};
use cortex_domain::id::{DispatchId, JobId, WorkerId};
use cortex_domain::job::{Job, Version};
use cortex_domain::placement::Wanted;
use cortex_domain::ports::Reply;
use cortex_domain::time::Uptime;
use cortex_domain::topic::Topic;
use tokio::sync::mpsc;

use crate::fleet::Fleet;
use crate::settings::Settings;
use crate::waiting::{Ticket, Waiting};

/// Jobs queued in memory at most; the others wait in the store.
const QUEUE: usize = 20_000;

/// Synchronous calls open at once at most.
pub(crate) const CALLS: usize = 4096;

/// Word for the task that follows a durable run.
#[derive(Debug)]
pub(crate) enum Note {
    Happened(Event, Option<WorkerId>),
    /// Somebody else changed the job.
    Moved,
}

/// A synchronous call.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) job: Job,
    pub(crate) log: Vec<Entry>,
    pub(crate) reply: Box<dyn Reply>,
    pub(crate) since: Uptime,
}

#[derive(Debug)]
pub(crate) struct Board {
    pub(crate) fleet: Fleet,
    pub(crate) waiting: Waiting,
    pub(crate) calls: HashMap<JobId, Call>,
    pub(crate) runs: HashMap<JobId, mpsc::Sender<Note>>,
    /// Durable jobs between the store and the queue, or between the queue and a run.
    pub(crate) moving: HashSet<JobId>,
}

/// A ticket whose turn has come, with the slot that was taken for it.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) ticket: Ticket,
    pub(crate) worker: WorkerId,
    pub(crate) dispatch: DispatchId,
}

impl Board {
    pub(crate) fn new() -> Self {
        Self {
            fleet: Fleet::default(),
            waiting: Waiting::new(QUEUE),
            calls: HashMap::new(),
            runs: HashMap::new(),
            moving: HashSet::new(),
        }
    }

    /// Whether a durable job is in hand.
    pub(crate) fn knows(&self, job: JobId) -> bool {
        self.runs.contains_key(&job) || self.moving.contains(&job) || self.waiting.contains(job)
    }

    /// Whether a call is open and its job stands at a version.
    pub(crate) fn is_at(&self, call: JobId, version: Version) -> bool {
        self.calls.get(&call).is_some_and(|call| call.job.version == version)
    }

    /// The first of a topic's queue, if a worker has room for it.
    pub(crate) fn next(&mut self, topic: &Topic, settings: &Settings, dispatch: DispatchId) -> Option<Turn> {
        let request = &self.waiting.first(topic)?.cleared.job().request;
        let pool = &settings.catalogue.route(topic)?.pool;
        let job = request.id;
        let wanted = Wanted { job, pool, topic, model: request.model.as_ref() };
        let worker = self.fleet.reserve(wanted, dispatch)?;
        let ticket = self.waiting.remove(job)?;
        self.moving.insert(job);
        Some(Turn { ticket, worker, dispatch })
    }
}
