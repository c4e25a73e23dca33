//! The state of the scheduler in memory. All of it can be lost, because the store is authoritative.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use cortex_domain::catalogue::TopicCatalogue;
use cortex_domain::fair::Shares;
use cortex_domain::id::{DispatchId, JobId, Pool, Tenant, WorkerId};
use cortex_domain::pointer::Memory;
use cortex_domain::share::Terms;
use cortex_domain::task::Cancel;
use cortex_domain::time::{Timestamp, Uptime};

use super::action::Action;
use super::asks::Asks;
use super::fleet::Fleet;
use super::in_flight::MAX_JOBS_IN_MEMORY;
use super::input::{Input, Now};
use super::note::Note;
use super::tracked::{JobKind, Report, Source, Tracked};
use super::waiting::Waiting;
use crate::settings::Settings;

/// The scheduler's state. `R` is the handle by which a caller is answered.
#[derive(Debug)]
pub(crate) struct State<R> {
    pub(super) catalogue: TopicCatalogue,
    /// The shares that this scheduler owns.
    pub(super) terms: Terms,
    /// A worker that sends no heartbeat for this long loses its jobs.
    pub(super) lease: Duration,
    /// The memory that holds the payloads of calls.
    pub(super) memory: Memory,
    pub(super) jobs: HashMap<JobId, Tracked<R>>,
    /// The number of tracked jobs from which on those in flight are in the store alone.
    pub(super) max_jobs_in_memory: usize,
    pub(super) fleet: Fleet,
    pub(super) waiting: Waiting,
    /// The open calls, up to its share for each tenant.
    pub(super) calls: Shares,
    /// The same calls, ordered by when no caller can still wait for them.
    pub(super) calls_by_end: BTreeSet<(Uptime, JobId)>,
    /// Deadlines of the tracked jobs.
    pub(super) deadlines: BTreeSet<(Timestamp, JobId)>,
    /// Jobs that wait because the store failed.
    pub(super) retries: BTreeSet<(Uptime, JobId)>,
    /// The worker that returned a job, for each job that waits for a new placement.
    pub(super) returned_by: BTreeMap<JobId, WorkerId>,
    /// The pool and the tenant to charge for each dispatch.
    pub(super) charged_tenants: BTreeMap<DispatchId, (Pool, Tenant)>,
    /// Whether a job or a slot has become available since jobs were last placed.
    pub(super) may_place: bool,
    pub(super) asks: Asks,
    /// Whether open calls were rejected. After that, nothing new starts.
    pub(super) stopped: bool,
}

/// One step: its time, and the actions so far.
#[derive(Debug)]
pub(super) struct StepContext<'a, 'n, R> {
    pub(super) now: &'a mut Now<'n>,
    pub(super) actions: Vec<Action<R>>,
}

impl<R> StepContext<'_, '_, R> {
    pub(super) fn note(&mut self, note: Note) {
        self.actions.push(Action::Note(note));
    }

    /// Notes that a report changed nothing. If a heartbeat lists the lease, the worker runs a job
    /// that is no longer its own, so the scheduler tells it to stop.
    pub(super) fn note_stale(&mut self, job: JobId, report: &Report) {
        if let (Source::Heartbeat, Some(lease), Some(worker)) =
            (report.from, report.event.lease(), report.worker.clone())
        {
            self.note(Note::Orphan { job, worker: worker.clone() });
            return self.actions.push(Action::Abort { cancel: Cancel { job, lease, worker } });
        }
        let (worker, event) = (report.worker.clone(), report.event.name());
        self.note(Note::Stale { job, worker, event });
    }
}

impl<R> State<R> {
    pub(crate) fn new(settings: &Settings, memory: Memory) -> Self {
        let sharing = &settings.sharing;
        Self {
            catalogue: settings.catalogue.clone(),
            terms: Terms::default(),
            lease: settings.lease,
            memory,
            jobs: HashMap::new(),
            max_jobs_in_memory: MAX_JOBS_IN_MEMORY,
            fleet: Fleet::default(),
            waiting: Waiting::new(sharing),
            calls: Shares::new(sharing.calls, sharing.weights.clone()),
            calls_by_end: BTreeSet::new(),
            deadlines: BTreeSet::new(),
            retries: BTreeSet::new(),
            returned_by: BTreeMap::new(),
            charged_tenants: BTreeMap::new(),
            may_place: false,
            asks: Asks::new(sharing.asks),
            stopped: false,
        }
    }

    /// Takes what happened and returns what to do.
    pub(crate) fn apply(&mut self, input: Input<R>, mut now: Now<'_>) -> Vec<Action<R>> {
        let mut step = StepContext { now: &mut now, actions: Vec::new() };
        match input {
            Input::Submitted { job } => self.submitted(job, &mut step),
            Input::OpenJobs { jobs } => self.open(&jobs, &mut step),
            Input::Changed { job } => self.changed(job, &mut step),
            Input::Called { request, reply } => self.called(*request, reply, &mut step),
            Input::Detached { job } => self.detached(job, &mut step),
            Input::Abandoned { job } => self.abandoned(job, &mut step),
            Input::Reported { job, event, worker } => self.reported(job, event, worker, &mut step),
            Input::Heartbeat { worker, held } => self.heartbeat(*worker, &held, &mut step),
            Input::Owned { terms } => self.owned(terms, &mut step),
            Input::Tick => self.tick(&mut step),
            Input::Stopping => self.refuse_calls(&mut step),
            Input::Loaded { job, found } => self.loaded(job, found, &mut step),
            Input::Decided { job, ask, decision } => self.decided(job, ask, decision, &mut step),
            Input::Saved { job, outcome } => self.saved(job, outcome, &mut step),
            Input::Recorded { job, lease, taken } => self.recorded(job, lease, taken, &mut step),
            Input::Persisted { job, outcome } => self.persisted(job, outcome, &mut step),
            Input::Sent { job, lease, worker, outcome } => {
                self.sent(job, lease, worker, outcome, &mut step);
            }
        }
        if !self.stopped {
            if std::mem::take(&mut self.may_place) {
                self.place_all(&mut step);
            }
            self.ask_next(&mut step);
        }
        step.actions
    }

    /// Tracks a job, or puts it back.
    pub(super) fn track(&mut self, job: JobId, tracked: Tracked<R>) {
        self.jobs.insert(job, tracked);
    }

    /// Records the deadline of a tracked job.
    pub(super) fn track_deadline(
        &mut self,
        job: JobId,
        tracked: &mut Tracked<R>,
        deadline: Option<Timestamp>,
    ) {
        if tracked.deadline.is_none()
            && let Some(deadline) = deadline
        {
            tracked.deadline = Some(deadline);
            self.deadlines.insert((deadline, job));
        }
    }

    /// Forgets a job that was removed from the tracked ones.
    pub(super) fn untrack(&mut self, job: JobId, tracked: Tracked<R>) -> JobKind<R> {
        if let Some(deadline) = tracked.deadline {
            self.deadlines.remove(&(deadline, job));
        }
        tracked.kind
    }

    /// Frees the slot of a dispatch.
    pub(super) fn end_dispatch(&mut self, dispatch: DispatchId) {
        self.fleet.end(dispatch);
        self.may_place = true;
    }
}
