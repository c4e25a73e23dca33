//! A tracked job: its kind and its phase.

use cortex_domain::audit::AuditEvent;
use cortex_domain::event::{Entry, Event};
use cortex_domain::flow::{Accepted, Assignment};
use cortex_domain::id::{DispatchId, WorkerId};
use cortex_domain::job::{Durability, Job};
use cortex_domain::share::Share;
use cortex_domain::state::{Lease, State};
use cortex_domain::time::{Timestamp, Uptime};
use cortex_domain::transition::Effect;

/// Maximum number of worker reports that wait while a job's change is saved. The lease repairs what
/// more reports would have changed.
const MAX_REPORTS: usize = 64;
/// Maximum number of those under one lease. A correct worker sends fewer.
const MAX_REPORTS_OF_LEASE: usize = 8;

/// Distinguishes a request to the safety kernel from an earlier one about the same job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct AskId {
    pub(super) number: u64,
    pub(super) of: Asker,
}

/// Whether a request to the safety kernel is about a call or a job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Asker {
    Call,
    Job,
}

/// A report about a job.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Report {
    pub(super) event: Event,
    /// The worker that the report is about, if any.
    pub(super) worker: Option<WorkerId>,
    pub(super) from: Source,
}

/// The source of a report.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Source {
    /// The scheduler itself, which reports a finding only once.
    Scheduler,
    Worker,
    /// A worker's heartbeat that lists a lease unknown to the scheduler.
    Heartbeat,
}

impl Report {
    /// Returns a finding of the scheduler.
    pub(super) fn from_scheduler(event: Event) -> Self {
        Self { event, worker: None, from: Source::Scheduler }
    }

    /// Returns a finding of the scheduler about a worker.
    pub(super) fn about_worker(worker: WorkerId, event: Event) -> Self {
        Self { event, worker: Some(worker), from: Source::Scheduler }
    }

    /// Returns the report that a run has started, for a heartbeat that lists an unknown lease.
    pub(super) fn from_heartbeat(worker: WorkerId, lease: Lease) -> Self {
        let event = Event::Started { lease, worker: worker.clone() };
        Self { event, worker: Some(worker), from: Source::Heartbeat }
    }

    /// Returns a worker's report.
    pub(super) fn from_worker(worker: WorkerId, event: Event) -> Self {
        Self { event, worker: Some(worker), from: Source::Worker }
    }
}

/// A slot that is reserved on a worker.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) worker: WorkerId,
    pub(super) dispatch: DispatchId,
}

/// A tracked job.
#[derive(Debug)]
pub(super) struct Tracked<R> {
    pub(super) kind: JobKind<R>,
    pub(super) phase: Phase<R>,
    /// Decisions of the safety kernel since the last saved change. They are saved with the next
    /// one.
    pub(super) audit: Vec<AuditEvent>,
    /// Reports that wait until the phase has ended.
    pub(super) inbox: Vec<Report>,
    /// The share of the job's tenant, once the job is known.
    pub(super) share: Option<Share>,
    /// Whether another component has changed the job since it was read.
    pub(super) changed: bool,
    /// The deadline that the caller set, once the job is known. `None` after the deadline has
    /// passed.
    pub(super) deadline: Option<Timestamp>,
}

#[derive(Debug)]
pub(super) enum JobKind<R> {
    /// A job in the store.
    Durable,
    /// A synchronous call, held in memory until it is answered.
    Call(Call<R>),
}

#[derive(Debug)]
pub(super) struct Call<R> {
    pub(super) log: Vec<Entry>,
    pub(super) reply: R,
    /// When no caller can still wait for the call.
    pub(super) end: Uptime,
    /// Whether the caller stopped waiting, so that the call becomes durable once it is sent.
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

/// What a tracked job waits for.
#[derive(Debug)]
pub(super) enum Phase<R> {
    /// Waits until the store returns the job. `held` is the last known lease.
    Loading { held: Option<Lease> },
    /// Waits in a queue for a free request to the safety kernel.
    Undecided,
    /// Waits for the safety kernel. A job that needs a new decision keeps its reserved slot.
    Deciding { accepted: Box<Accepted>, ask: AskId, slot: Option<Slot> },
    /// Waits in a queue for its turn.
    Queued,
    /// Waits for a time. Only calls wait here, and durable jobs wait in the store.
    Asleep { job: Box<Job> },
    /// Waits until its placement is committed. Then it is sent.
    Placing { assignment: Box<Assignment>, slot: Slot },
    /// Waits until a change is committed. `reports` caused the change, and are applied again if the
    /// commit fails.
    Saving { held: Option<Lease>, reports: Vec<Report> },
    /// Waits for its worker.
    InFlight { job: Box<Job>, lease: Lease },
    /// Waits for its worker likewise, but only the store has the job. It is read once something
    /// happens to it. `started` says whether the run is known to have started.
    InStore { lease: Lease, started: bool },
    /// Waits until the store has accepted the audit entries about a call that was placed. Then the
    /// call is sent.
    Recording { job: Box<Job>, assignment: Box<Assignment>, slot: Slot },
    /// Waits until the store has made a call a durable job.
    Persisting(Box<PersistingCall<R>>),
    /// Waits before a store that failed is asked again.
    Retrying { held: Option<Lease> },
    /// Waits likewise, after a placement could not be committed. The job keeps its slot, so that
    /// the scheduler does not try every queued job in turn while the store fails.
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
    /// Returns the lease that the job has or is about to get, if it is known. A report under
    /// another lease is stale.
    pub(super) fn lease(&self) -> Option<Lease> {
        match self {
            Self::Loading { held } | Self::Saving { held, .. } | Self::Retrying { held } => *held,
            Self::Placing { assignment, .. } | Self::Recording { assignment, .. } => Some(assignment.lease()),
            Self::InFlight { lease, .. } | Self::InStore { lease, .. } => Some(*lease),
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
            share: None,
            changed: false,
            deadline: None,
        }
    }

    /// Keeps a report until the phase has ended. Returns false if there are too many. Findings of
    /// the scheduler are always kept, and a report that is already waiting is not kept twice.
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

    /// Returns whether the run under a lease is not known to have started.
    pub(super) fn waits_for_start(&self, lease: Lease) -> bool {
        match &self.phase {
            Phase::InFlight { job, lease: held } => {
                *held == lease && !matches!(job.state, State::Running { .. })
            }
            Phase::InStore { lease: held, started } => *held == lease && !started,
            _ => false,
        }
    }

    /// Returns whether a report waits that is sent only once. What one heartbeat lists, the next
    /// one lists again.
    pub(super) fn has_unrepeatable_reports(&self) -> bool {
        self.inbox.iter().any(|report| report.from != Source::Heartbeat)
    }

    /// Returns whether a report that ends a lease waits or is being saved.
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

    /// Puts reports before those that arrived later.
    pub(super) fn requeue_reports(&mut self, reports: Vec<Report>) {
        let since = std::mem::replace(&mut self.inbox, reports);
        for report in since {
            self.queue_report(report);
        }
    }
}

/// Returns audit entries as effects to commit with a change.
pub(super) fn effects_of(audit: Vec<AuditEvent>) -> Vec<Effect> {
    audit.into_iter().map(|entry| Effect::Audit(Box::new(entry))).collect()
}
