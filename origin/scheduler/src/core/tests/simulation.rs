//! One simulated origin around the core.

mod actions;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::path::Path;
use std::time::Duration;

use cortex_domain::event::Event;
use cortex_domain::id::{DispatchId, JobId, WorkerId};
use cortex_domain::job::{Durability, Job, Limits, Owner, Request};
use cortex_domain::pointer::Memory;
use cortex_domain::share::Terms;
use cortex_domain::state::{Lease, State as JobState};
use cortex_domain::time::{Timestamp, Uptime};
use cortex_domain::topics;
use cortex_domain::transition::{Change, OutboxMessage};
use cortex_domain::worker::HeldLease;

use super::coverage::Coverage;
use super::rng::Rng;
use super::store::Store;
use super::workers::{self, WorkerMessage};
use crate::core::{Action, Input, Note, Now, State};
use crate::settings::{Settings, Unlisted};

const JOBS: u64 = 6;
const CALLS: u64 = 5;
const WORKERS: u64 = 2;
/// No faults are injected after this time.
const FAULT_PERIOD_MS: u64 = 120_000;
/// A job that has not ended by this time is stuck.
const END_MS: u64 = HOUR_MS;
const HOUR_MS: u64 = 3_600_000;
/// How far the wall clock may jump.
const JUMP_MS: u64 = 120_000;

/// A future event.
#[derive(Debug)]
enum SimEvent {
    Input(Input<u64>),
    /// An action to execute, and the incarnation that requested it.
    Action(u64, Action<u64>),
    /// The outcome of an action, for the incarnation that requested it.
    Outcome(u64, Input<u64>),
    WorkerMessage(WorkerId, WorkerMessage),
    Call(u64),
    Leave(u64),
    Detach(u64),
    Cancel(JobId),
    Heartbeat(u64),
    Tick,
    Reconcile,
    Relay,
    Crash,
    /// The wall clock jumps.
    Jump,
    /// An event that a crash removed.
    Nothing,
}

pub(super) struct Simulation {
    seed: u64,
    rng: Rng,
    state: State<u64>,
    settings: Settings,
    store: Store,
    /// Ordered by time. Events of the same time keep their order.
    timeline: BinaryHeap<Reverse<(u64, u64)>>,
    events: BTreeMap<u64, SimEvent>,
    count: u64,
    now_ms: u64,
    incarnation: u64,
    /// Open calls by their number. Calls of a scheduler that was killed are lost.
    calls: BTreeMap<u64, JobId>,
    lost: BTreeSet<u64>,
    /// The leases that each worker holds.
    held: BTreeMap<WorkerId, BTreeMap<DispatchId, (JobId, Lease)>>,
    /// The dispatches that were sent, each once.
    sent: BTreeSet<[u8; 16]>,
    /// How often each job was sent.
    sent_jobs: BTreeMap<JobId, usize>,
    /// How far the wall clock is ahead, starting at one hour.
    offset_ms: u64,
    coverage: Coverage,
}

impl Simulation {
    pub(super) fn new(seed: u64) -> Self {
        let pools = "topics: { job.echo: { pool: echo } }\n";
        let timeouts = "heartbeat: 2s\nlease: 10s\ndefault: { run: 30s, attempts: 3 }\n";
        let mut settings =
            Settings::parse((pools, Path::new("p")), (timeouts, Path::new("t")), Unlisted::Refused).unwrap();
        if seed.is_multiple_of(3) {
            // With few places, jobs give way to each other and calls are rejected.
            (settings.sharing.queue, settings.sharing.calls) = (3, 3);
        }
        if seed.is_multiple_of(2) {
            settings.sharing.asks = 1;
        }
        let state = new_state(seed, &settings);
        Self {
            seed,
            rng: Rng::new(seed),
            state,
            settings,
            store: Store::default(),
            timeline: BinaryHeap::new(),
            events: BTreeMap::new(),
            count: 0,
            now_ms: 1_000_000,
            incarnation: 0,
            calls: BTreeMap::new(),
            lost: BTreeSet::new(),
            held: BTreeMap::new(),
            sent: BTreeSet::new(),
            sent_jobs: BTreeMap::new(),
            offset_ms: HOUR_MS,
            coverage: Coverage::default(),
        }
    }

    pub(super) fn run(mut self) -> Coverage {
        for n in 0..JOBS {
            let after = self.rng.below(30_000);
            let job = Job::accepted(self.request(), Durability::Durable, Memory::Local);
            self.store.accept(job.clone());
            self.after(after, SimEvent::Relay);
            if n < 2 || self.rng.chance(10) {
                let after = self.rng.below(10_000);
                self.after(after, SimEvent::Cancel(job.id()));
            }
        }
        for n in 0..CALLS {
            let after = self.rng.below(60_000);
            self.after(after, SimEvent::Call(n));
        }
        for n in 0..WORKERS {
            self.after(n, SimEvent::Heartbeat(n));
        }
        for _ in 0..self.rng.below(3) {
            let after = self.rng.below(FAULT_PERIOD_MS);
            self.after(after, SimEvent::Crash);
        }
        if self.rng.chance(20) {
            let after = self.rng.below(FAULT_PERIOD_MS);
            self.after(after, SimEvent::Jump);
        }
        self.after(100, SimEvent::Tick);
        self.after(1, SimEvent::Reconcile);
        let began = self.now_ms;
        while let Some(Reverse((at, number))) = self.timeline.pop() {
            self.now_ms = at;
            let event = self.events.remove(&number).expect("every event in the timeline is known");
            self.handle(event);
            if at > began + FAULT_PERIOD_MS && self.is_over() {
                break;
            }
            assert!(at < began + END_MS, "jobs have not ended: {:?}", self.store.open());
        }
        self.check();
        self.coverage
    }

    fn is_over(&self) -> bool {
        self.store.open().is_empty() && self.calls.is_empty() && self.state.is_idle()
    }

    fn check(&mut self) {
        self.store.check();
        assert!(self.calls.is_empty(), "calls were not answered: {:?}", self.calls);
        assert_eq!(self.state.calls.all(), 0, "a call's place was not given back");
        for (job, _) in self.store.jobs.values() {
            let coverage = &mut self.coverage;
            *match job.state {
                JobState::Succeeded { .. } => &mut coverage.succeeded,
                JobState::Failed { .. } => &mut coverage.failed,
                JobState::Cancelled { .. } => &mut coverage.cancelled,
                JobState::TimedOut { .. } => &mut coverage.timed_out,
                _ => &mut coverage.denied,
            } += 1;
        }
    }

    fn wall(&self) -> Timestamp {
        Timestamp::from_millis(self.now_ms + self.offset_ms)
    }

    fn faults_are_over(&self) -> bool {
        self.now_ms > 1_000_000 + FAULT_PERIOD_MS
    }

    fn chance_of_fault(&mut self, percent: u64) -> bool {
        !self.faults_are_over() && self.rng.chance(percent)
    }

    fn after(&mut self, ms: u64, event: SimEvent) {
        self.count += 1;
        self.events.insert(self.count, event);
        self.timeline.push(Reverse((self.now_ms + ms, self.count)));
    }

    fn request(&mut self) -> Request {
        let now = self.wall();
        let deadline = self.rng.chance(15).then(|| now.after(Duration::from_millis(self.rng.below(60_000))));
        let tenant = if self.rng.chance(50) { "acme" } else { "other" };
        Request::new(
            JobId::mint(now, self.rng.bytes()),
            Owner { tenant: tenant.parse().unwrap(), principal: "ci".parse().unwrap(), roles: vec![] },
            topics::ECHO,
            Limits { attempts: 3, run: Duration::from_secs(30), deadline },
            now,
        )
    }

    fn handle(&mut self, event: SimEvent) {
        match event {
            SimEvent::Input(input) => self.apply(input),
            SimEvent::Action(of, action) => self.execute(of, action),
            SimEvent::Outcome(of, input) if of == self.incarnation => self.apply(input),
            SimEvent::Outcome(..) => {}
            SimEvent::WorkerMessage(worker, messages) => self.messages(worker, messages),
            SimEvent::Call(n) => self.call(n),
            SimEvent::Leave(n) => {
                if let Some(job) = self.calls.get(&n).copied() {
                    self.apply(Input::Abandoned { job });
                }
            }
            SimEvent::Detach(n) => {
                if let Some(job) = self.calls.get(&n).copied() {
                    self.apply(Input::Detached { job });
                }
            }
            SimEvent::Cancel(job) => self.cancel(job),
            SimEvent::Heartbeat(n) => self.heartbeat(n),
            SimEvent::Tick => {
                self.apply(Input::Tick);
                self.after(100, SimEvent::Tick);
            }
            SimEvent::Reconcile => {
                let jobs = self.store.open();
                self.apply(Input::OpenJobs { jobs });
                self.after(10_000, SimEvent::Reconcile);
            }
            SimEvent::Relay => self.relay(),
            SimEvent::Crash => self.crash(),
            SimEvent::Jump => {
                self.coverage.jumps += 1;
                self.offset_ms = HOUR_MS - JUMP_MS + self.rng.below(2 * JUMP_MS);
            }
            SimEvent::Nothing => {}
        }
    }

    fn apply(&mut self, input: Input<u64>) {
        let (wall, awake) = (self.wall(), Uptime::from_millis(self.now_ms));
        let rng = &mut self.rng;
        let mut dispatch = || DispatchId::new(rng.bytes());
        let actions = self.state.apply(input, Now { wall, awake, dispatch: &mut dispatch });
        self.state.assert_invariants();
        for action in actions {
            if let Action::Note(note) = action {
                self.noted(&note);
                continue;
            }
            // Answers and messages to workers are sent in the order of the actions. Requests to
            // others take their time.
            let after = if action.answers() { 0 } else { self.rng.below(30) };
            self.after(after, SimEvent::Action(self.incarnation, action));
        }
    }

    fn noted(&mut self, note: &Note) {
        let coverage = &mut self.coverage;
        *match note {
            Note::Lapsed { .. } => &mut coverage.lapsed,
            Note::Stale { .. } => &mut coverage.stale,
            Note::Orphan { .. } => &mut coverage.orphans,
            Note::NotPlaced { .. } | Note::TooManyReports { .. } | Note::Unplaced { .. } => return,
        } += 1;
    }

    fn call(&mut self, n: u64) {
        let request = self.request();
        self.calls.insert(n, request.id);
        if self.rng.chance(15) {
            let after = self.rng.below(5000);
            self.after(after, SimEvent::Leave(n));
        }
        if self.rng.chance(30) {
            let after = self.rng.below(5000);
            self.after(after, SimEvent::Detach(n));
        }
        self.apply(Input::Called { request: Box::new(request), reply: n });
    }

    /// Cancels a job like the gateway, which commits the cancellation itself.
    fn cancel(&mut self, id: JobId) {
        let Some((job, _)) = self.store.jobs.get(&id) else { return };
        let event = Event::Cancelled { reason: "enough".into() };
        if let Ok(change) = Change::of(job.clone()).then(event, self.wall()) {
            self.store.commit(change).unwrap();
            self.after(1, SimEvent::Relay);
        }
    }

    /// Relays the outbox to the bus, where a message may be lost or delivered twice.
    fn relay(&mut self) {
        while let Some(message) = self.store.outbox.pop_front() {
            let times = if self.chance_of_fault(5) { 0 } else { 1 + u64::from(self.chance_of_fault(20)) };
            for _ in 0..times {
                let after = self.rng.below(50);
                match &message {
                    OutboxMessage::Submit { job, .. } => {
                        self.after(after, SimEvent::Input(Input::Submitted { job: *job }))
                    }
                    OutboxMessage::Abort { job, lease, worker } => {
                        self.stop(*lease, worker);
                        self.after(after, SimEvent::Input(Input::Changed { job: *job }));
                    }
                }
            }
        }
    }

    fn stop(&mut self, lease: Lease, worker: &WorkerId) {
        if let Some(held) = self.held.get_mut(worker) {
            held.remove(&lease.dispatch);
        }
    }

    fn heartbeat(&mut self, n: u64) {
        if !self.chance_of_fault(10) {
            let worker = workers::name(n);
            let held = self.held.get(&worker).map(|held| {
                held.values().map(|(job, lease)| HeldLease { job: *job, lease: *lease }).collect()
            });
            let draining = self.chance_of_fault(5);
            let input = Input::Heartbeat {
                worker: Box::new(workers::candidate(n, draining)),
                held: held.unwrap_or_default(),
            };
            self.apply(input);
        }
        self.after(2000, SimEvent::Heartbeat(n));
    }

    fn messages(&mut self, worker: WorkerId, messages: WorkerMessage) {
        match messages {
            WorkerMessage::Draft { job, dispatch } => {
                self.store.drafts.insert((job, dispatch));
            }
            WorkerMessage::Report { job, event } => {
                if let Some(lease) = event.lease().filter(|_| !matches!(event, Event::Started { .. })) {
                    self.stop(lease, &worker);
                }
                let times = if self.chance_of_fault(3) { 0 } else { 1 + u64::from(self.chance_of_fault(10)) };
                for _ in 0..times {
                    let after = self.rng.below(20);
                    let (event, worker) = (event.clone(), worker.clone());
                    self.after(after, SimEvent::Input(Input::Reported { job, event, worker }));
                }
            }
        }
    }

    /// Stops the scheduler, which answers every caller and does nothing else.
    fn stop_scheduler(&mut self) {
        self.coverage.stops += 1;
        let mut answers = Vec::new();
        for event in self.events.values_mut() {
            match std::mem::replace(event, SimEvent::Nothing) {
                SimEvent::Action(of, action) if action.answers() => answers.push((of, action)),
                SimEvent::Action(..) => {}
                other => *event = other,
            }
        }
        let (wall, awake) = (self.wall(), Uptime::from_millis(self.now_ms));
        let mut dispatch = || panic!("it places a job");
        let actions = self.state.apply(Input::Stopping, Now { wall, awake, dispatch: &mut dispatch });
        self.state.assert_invariants();
        answers.extend(actions.into_iter().filter(Action::answers).map(|action| (self.incarnation, action)));
        for (of, action) in answers {
            self.execute(of, action);
        }
        assert!(self.calls.is_empty(), "calls were not answered: {:?}", self.calls);
    }

    /// Kills the scheduler. Some of its actions are executed, but it never sees the outcomes.
    fn crash(&mut self) {
        if self.rng.chance(50) {
            self.stop_scheduler();
        }
        self.coverage.crashes += 1;
        for event in self.events.values_mut() {
            if matches!(event, SimEvent::Action(..)) && self.rng.chance(50) {
                *event = SimEvent::Nothing;
            }
        }
        self.incarnation += 1;
        self.lost.extend(self.calls.keys());
        self.coverage.lost += u64::try_from(self.calls.len()).unwrap();
        self.calls.clear();
        self.state = new_state(self.seed, &self.settings);
        self.after(1, SimEvent::Reconcile);
    }
}

/// Returns the state of a scheduler that owns every share. In some simulations, most jobs in flight
/// are in the store alone.
fn new_state(seed: u64, settings: &Settings) -> State<u64> {
    let mut state = State::new(settings, Memory::Local);
    let mut dispatch = || panic!("it places a job");
    let now = Now { wall: Timestamp::from_millis(0), awake: Uptime::default(), dispatch: &mut dispatch };
    assert!(state.apply(Input::Owned { terms: Terms::sole() }, now).is_empty());
    if seed.is_multiple_of(5) {
        state.max_jobs_in_memory = 1;
    }
    state
}
