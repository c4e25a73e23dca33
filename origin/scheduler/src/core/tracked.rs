//! One job in the scheduler's hands: which kind it is, and in which phase.

use cortex_domain::audit::AuditEvent;
use cortex_domain::event::{Entry, Event};
use cortex_domain::flow::{Accepted, Assignment};
use cortex_domain::id::{DispatchId, WorkerId};
use cortex_domain::job::{Durability, Job};
use cortex_domain::state::{Lease, State};
use cortex_domain::time::{Timestamp, Uptime};
use cortex_domain::transition::Effect;

/// How many reports of workers wait while a job's change is being saved. What is lost beyond, the lease repairs.
const MAX_REPORTS: usize = 64;
/// How many of those are under one lease: one that is kept to reports less.
const MAX_REPORTS_OF_LEASE: usize = 8;

/// Tells one request to the safety kernel from an earlier one about the same job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct AskId {
    pub(super) number: u64,
    pub(super) of: Asker,
}

/// On whose behalf the safety kernel is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Asker {
    Call,
    Job,
}

/// What is reported of a job.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Report {
    pub(super) event: Event,
    /// The worker that it is about, where it is about one.
    pub(super) worker: Option<WorkerId>,
    pub(super) from: Source,
}

/// Who reports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Source {
    /// The scheduler itself, which finds a thing only once.
    Scheduler,
    Worker,
    /// A worker's heartbeat, which lists a lease that is not known here.
    Heartbeat,
}

impl Report {
    /// What the scheduler found.
    pub(super) fn from_scheduler(event: Event) -> Self {
        Self { event, worker: None, from: Source::Scheduler }
    }

    /// What the scheduler found of a worker.
    pub(super) fn about_worker(worker: WorkerId, event: Event) -> Self {
        Self { event, worker: Some(worker), from: Source::Scheduler }
    }

    /// What a heartbeat says of a lease that is not known here: that its run has begun.
    pub(super) fn from_heartbeat(worker: WorkerId, lease: Lease) -> Self {
        let event = Event::Started { lease, worker: worker.clone() };
        Self { event, worker: Some(worker), from: Source::Heartbeat }
    }

    /// What a worker says.
    pub(super) fn from_worker(worker: WorkerId, event: Event) -> Self {
        Self { event, worker: Some(worker), from: Source::Worker }
    }
}

/// A slot that is taken on a worker.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) worker: WorkerId,
    pub(super) dispatch: DispatchId,
}

/// A job in the scheduler's hands.
#[derive(Debug)]
pub(super) struct Tracked<R> {
    pub(super) kind: JobKind<R>,
    pub(super) phase: Phase<R>,
    /// What the safety kernel decided since the last change that was persisted: it goes with the next one.
    pub(super) audit: Vec<AuditEvent>,
    /// Reports that wait until the phase has ended.
    pub(super) inbox: Vec<Report>,
    /// Whether someone else has changed the job since it was read.
    pub(super) changed: bool,
    /// When the caller's own deadline passes, once the job is known; none after it has.
    pub(super) deadline: Option<Timestamp>,
}

#[derive(Debug)]
pub(super) enum JobKind<R> {
    /// In the store.
    Durable,
    /// A synchronous call, held in memory until it is answered.
    Call(Call<R>),
}

#[derive(Debug)]
pub(super) struct Call<R> {
    pub(super) log: Vec<Entry>,
    pub(super) reply: R,
    /// When no caller can wait for it any more.
    pub(super) end: Uptime,
    /// Whether its caller waits no longer, so that it is to go on as a durable job once it is sent.
    pub(super) detached: bool,
}

/// A call that is becoming a durable job.
#[derive(Debug)]
pub(super) struct PersistingCall<R> {
    pub(super) job: Job,
    pub(super) held: Option<Lease>,
    pub(super) log: Vec<Entry>,
    pub(super) reply: R,
}

/// What a job in hand waits for.
#[derive(Debug)]
pub(super) enum Phase<R> {
    /// The store, which is asked for the job. `held` is the lease that it was last known to have.
    Loading { held: Option<Lease> },
    /// A free request to the safety kernel; it lies in the queue for that.
    Undecided,
    /// The safety kernel. A job that is judged again keeps the slot that was found for it.
    Deciding { accepted: Box<Accepted>, ask: AskId, slot: Option<Slot> },
    /// Its turn; it lies in the queue.
    Queued,
    /// Its time; only calls wait for it here, durable jobs wait in the store.
    Asleep { job: Box<Job> },
    /// The commit of its placing, after which it is sent.
    Placing { assignment: Box<Assignment>, slot: Slot },
    /// The commit of a change. `reports` made the change, and make another one if this can't be committed.
    Saving { held: Option<Lease>, reports: Vec<Report> },
    /// Its worker.
    InFlight { job: Box<Job>, lease: Lease },
    /// The store, which takes in the entries of the audit log about a call that was placed. Then it is sent.
    Recording { job: Box<Job>, assignment: Box<Assignment>, slot: Slot },
    /// The store, which takes a call over as a durable job.
    Persisting(Box<PersistingCall<R>>),
    /// A while, before a store that failed is asked again.
    Retrying { held: Option<Lease> },
    /// The same, after a placing could not be committed. It keeps its slot, so that not every job in the queue is tried in turn
    /// while the store fails.
    Stalled { slot: Slot },
}

impl Asker {
    pub(super) fn of(job: &Job) -> Self {
        match job.durability {
            Durability::Durable => Self::Job,
            Durability::Ephemeral => Self::Call,
        }
    }
}

impl<R> Phase<R> {
    /// The lease that the job has or is about to have, where that is known. A report under another one is stale.
    pub(super) fn lease(&self) -> Option<Lease> {
        match self {
            Self::Loading { held } | Self::Saving { held, .. } | Self::Retrying { held } => *held,
            Self::Placing { assignment, .. } | Self::Recording { assignment, .. } => Some(assignment.lease()),
            Self::InFlight { lease, .. } => Some(*lease),
            Self::Persisting(call) => call.held,
            Self::Deciding { .. }
            | Self::Undecided
            | Self::Queued
            | Self::Asleep { .. }
            | Self::Stalled { .. } => None,
        }
    }
}

impl<R> Tracked<R> {
    pub(super) fn durable(phase: Phase<R>) -> Self {
        Self {
            kind: JobKind::Durable,
            phase,
            audit: Vec::new(),
            inbox: Vec::new(),
            changed: false,
            deadline: None,
        }
    }

    /// Keeps a report until the phase has ended; false if there are too many. What the scheduler found is always kept, and
    /// one that waits already is not kept twice.
    pub(super) fn queue_report(&mut self, report: Report) -> bool {
        if self.inbox.contains(&report) {
            return true;
        }
        let of_workers = || self.inbox.iter().filter(|waits| waits.from != Source::Scheduler);
        let under_it = || of_workers().filter(|waits| waits.event.lease() == report.event.lease());
        let fits = report.from == Source::Scheduler
            || (of_workers().count() < MAX_REPORTS && under_it().count() < MAX_REPORTS_OF_LEASE);
        if fits {
            self.inbox.push(report);
        }
        fits
    }

    /// Whether its run under a lease is not known to have begun.
    pub(super) fn waits_for_start(&self, lease: Lease) -> bool {
        matches!(&self.phase, Phase::InFlight { job, lease: held }
            if *held == lease && !matches!(job.state, State::Running { .. }))
    }

    /// Whether anything waits that comes only once. What a heartbeat lists, the next one lists again.
    pub(super) fn has_unrepeatable_reports(&self) -> bool {
        self.inbox.iter().any(|report| report.from != Source::Heartbeat)
    }

    /// Whether a report by which a lease has ended waits or is being saved.
    pub(super) fn has_ended(&self, lease: Lease) -> bool {
        let saving = match &self.phase {
            Phase::Saving { reports, .. } => reports.as_slice(),
            _ => &[],
        };
        self.inbox
            .iter()
            .chain(saving)
            .any(|report| matches!(report.event, Event::Failed { lease: of, .. } if of == lease))
    }

    /// Puts reports before those that came since.
    pub(super) fn requeue_reports(&mut self, reports: Vec<Report>) {
        let since = std::mem::replace(&mut self.inbox, reports);
        for report in since {
            self.queue_report(report);
        }
    }
}

/// The entries as what is committed with a change.
pub(super) fn effects_of(audit: Vec<AuditEvent>) -> Vec<Effect> {
    audit.into_iter().map(|entry| Effect::Audit(Box::new(entry))).collect()
}
