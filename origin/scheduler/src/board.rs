//! What the scheduler holds in memory. All of it can be lost: the store is the truth.

use std::collections::{HashMap, HashSet};

use cortex_domain::call::Refusal;
use cortex_domain::event::{Entry, Event};
use cortex_domain::fair::{Shares, Sharing};
use cortex_domain::id::{DispatchId, JobId, Pool, Tenant, WorkerId};
use cortex_domain::job::{Job, Version};
use cortex_domain::placement::Wanted;
use cortex_domain::ports::Reply;
use cortex_domain::time::Uptime;
use tokio::sync::mpsc;

use crate::fleet::Fleet;
use crate::settings::Settings;
use crate::waiting::{Full, Ticket, Waiting};

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
    pub(crate) calls: Calls,
    pub(crate) runs: HashMap<JobId, mpsc::Sender<Note>>,
    /// Durable jobs between the store and the queue, or between the queue and a run.
    pub(crate) moving: HashSet<JobId>,
    /// Who is charged for what runs.
    payers: HashMap<DispatchId, (Pool, Tenant)>,
}

/// A ticket whose turn has come, with the slot that was taken for it.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) ticket: Ticket,
    pub(crate) worker: WorkerId,
    pub(crate) dispatch: DispatchId,
}

impl Board {
    pub(crate) fn new(sharing: &Sharing) -> Self {
        Self {
            fleet: Fleet::default(),
            waiting: Waiting::new(sharing),
            calls: Calls::new(sharing),
            runs: HashMap::new(),
            moving: HashSet::new(),
            payers: HashMap::new(),
        }
    }

    /// Whether a durable job is in hand.
    pub(crate) fn knows(&self, job: JobId) -> bool {
        self.runs.contains_key(&job) || self.moving.contains(&job) || self.waiting.contains(job)
    }

    /// Whether a call is open and its job stands at a version.
    pub(crate) fn is_at(&self, call: JobId, version: Version) -> bool {
        self.calls.get(call).is_some_and(|call| call.job.version == version)
    }

    /// Queues a job at the pool of its topic. A topic that no pool does waits for the next start, in the store.
    pub(crate) fn queue(&mut self, ticket: Ticket, settings: &Settings) -> Result<(), Full> {
        let route = settings.catalogue.route(ticket.cleared.job().topic()).ok_or(Full)?;
        self.waiting.push(ticket, &route.pool)
    }

    /// Whose turn it is at a pool, if a worker has room for it.
    pub(crate) fn next(&mut self, pool: &Pool, dispatch: DispatchId) -> Option<Turn> {
        let fleet = &self.fleet;
        let first = self.waiting.first(pool, |topic| fleet.has_room(pool, topic))?;
        let (job, tenant) = (first.id(), first.tenant().clone());
        let wanted = Wanted { job, pool, topic: first.topic(), model: first.request.model.as_ref() };
        let worker = self.fleet.reserve(wanted, dispatch)?;
        let ticket = self.waiting.take(job)?;
        self.moving.insert(job);
        self.payers.insert(dispatch, (pool.clone(), tenant));
        Some(Turn { ticket, worker, dispatch })
    }

    /// Charges tenants for the jobs that still run, as one turn pays for a short one only.
    pub(crate) fn charge(&mut self) {
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

/// The synchronous calls that are open, each tenant's up to its share.
#[derive(Debug)]
pub(crate) struct Calls {
    open: HashMap<JobId, Call>,
    shares: Shares,
}

impl Calls {
    fn new(sharing: &Sharing) -> Self {
        Self { open: HashMap::new(), shares: Shares::new(sharing.calls, sharing.weights.clone()) }
    }

    /// Takes a call in, or gives its reply back with why not.
    pub(crate) fn open(&mut self, call: Call) -> Result<(), (Box<dyn Reply>, Refusal)> {
        let id = call.job.id();
        if self.open.contains_key(&id) {
            return Err((call.reply, Refusal::Overloaded));
        }
        if self.shares.take(call.job.tenant(), 1).is_err() {
            return Err((call.reply, Refusal::Crowded));
        }
        self.open.insert(id, call);
        Ok(())
    }

    pub(crate) fn close(&mut self, job: JobId) -> Option<Call> {
        let call = self.open.remove(&job)?;
        self.shares.give(call.job.tenant(), 1);
        Some(call)
    }

    pub(crate) fn close_all(&mut self) -> Vec<Call> {
        let ids: Vec<JobId> = self.open.keys().copied().collect();
        ids.into_iter().filter_map(|id| self.close(id)).collect()
    }

    pub(crate) fn contains(&self, job: JobId) -> bool {
        self.open.contains_key(&job)
    }

    pub(crate) fn get(&self, job: JobId) -> Option<&Call> {
        self.open.get(&job)
    }

    pub(crate) fn get_mut(&mut self, job: JobId) -> Option<&mut Call> {
        self.open.get_mut(&job)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Call> {
        self.open.values()
    }
}
