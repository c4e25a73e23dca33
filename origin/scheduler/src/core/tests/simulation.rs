//! One simulated origin: schedulers with the core and their membership, the store with the record of
//! shares, the bus, workers and callers.

mod actions;
mod bus;
mod schedulers;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::path::Path;
use std::time::Duration;

use cortex_domain::event::Event;
use cortex_domain::id::{DispatchId, JobId, WorkerId};
use cortex_domain::job::{Durability, Job, Limits, Owner, Request};
use cortex_domain::ownership::{SchedulerId, Turn};
use cortex_domain::pointer::Memory;
use cortex_domain::state::{Lease, State as JobState};
use cortex_domain::time::Timestamp;
use cortex_domain::topics;
use cortex_domain::transition::Change;

use super::coverage::Coverage;
use super::rng::Rng;
use super::store::Store;
use super::workers::WorkerMessage;
use crate::core::{Action, Input};
use crate::settings::{Settings, Unlisted};
use bus::{Message, OpenCall};
use schedulers::{Scheduler, SchedulerEvent};

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

/// After the faults, every share has the right owner within this time: the longest pause, the time
/// after which a silent scheduler counts as ended, the time for which open calls delay a give, and
/// some turns.
const BALANCE_MS: u64 = 20_000 + 6000 + 30_000 + 14_000;

/// A future event.
#[derive(Debug)]
enum SimEvent {
    /// Concerns one life of a scheduler.
    Scheduler(u64, SchedulerEvent),
    /// An action to execute, the life that requested it, and the message that started it.
    Action(u64, Action<u64>, Option<Message>),
    /// A turn on its way to the store, and whether it is the first of a step.
    Turn(u64, Turn, bool),
    Queued(Message),
    WorkerMessage(WorkerId, WorkerMessage),
    Call(u64),
    Leave(u64),
    Detach(u64),
    Cancel(JobId),
    Heartbeat(u64),
    Relay,
    Crash,
    Pause,
    Resume(u64),
    Start(usize),
    /// A wall clock jumps.
    Jump,
    Balance,
    /// An event that a crash removed.
    Nothing,
}

pub(super) struct Simulation {
    seed: u64,
    rng: Rng,
    schedulers: Vec<Scheduler>,
    settings: Settings,
    store: Store,
    /// Ordered by time. Events of the same time keep their order.
    timeline: BinaryHeap<Reverse<(u64, u64)>>,
    events: BTreeMap<u64, SimEvent>,
    count: u64,
    now_ms: u64,
    /// The id of the scheduler of each life, by the number of the life.
    ids: BTreeMap<u64, SchedulerId>,
    /// Open calls by their number.
    calls: BTreeMap<u64, OpenCall>,
    /// Calls of schedulers that were killed, and the life that each was sent to.
    lost: BTreeMap<u64, u64>,
    /// The leases that each worker holds.
    held: BTreeMap<WorkerId, BTreeMap<DispatchId, (JobId, Lease)>>,
    /// The dispatches that were sent, each once.
    sent: BTreeSet<[u8; 16]>,
    /// How often each job was sent.
    sent_jobs: BTreeMap<JobId, usize>,
    /// How many jobs a worker accepts at the same time.
    capacity: usize,
    /// How far the wall clock is ahead, starting at one hour.
    offset_ms: u64,
    coverage: Coverage,
}

impl Simulation {
    pub(super) fn new(seed: u64, schedulers: usize) -> Self {
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
        // With little room, two schedulers choose the same slot.
        let capacity = if schedulers > 1 && seed.is_multiple_of(4) { 1 } else { 3 };
        let schedulers =
            (0..schedulers).map(|_| Scheduler::new(SchedulerId::new([0; 16]), 0, seed, &settings));
        Self {
            seed,
            rng: Rng::new(seed),
            schedulers: schedulers.collect(),
            settings,
            store: Store::default(),
            timeline: BinaryHeap::new(),
            events: BTreeMap::new(),
            count: 0,
            now_ms: 1_000_000,
            ids: BTreeMap::new(),
            calls: BTreeMap::new(),
            lost: BTreeMap::new(),
            held: BTreeMap::new(),
            sent: BTreeSet::new(),
            sent_jobs: BTreeMap::new(),
            capacity,
            offset_ms: HOUR_MS,
            coverage: Coverage::default(),
        }
    }

    fn is_shared(&self) -> bool {
        self.schedulers.len() > 1
    }

    pub(super) fn run(mut self) -> Coverage {
        self.plan();
        let began = self.now_ms;
        let until = began + FAULT_PERIOD_MS + if self.is_shared() { BALANCE_MS } else { 0 };
        if self.is_shared() {
            self.after(until - began, SimEvent::Balance);
        }
        while let Some(Reverse((at, number))) = self.timeline.pop() {
            self.now_ms = at;
            let event = self.events.remove(&number).expect("every event in the timeline is known");
            self.handle(event);
            if at > until && self.is_over() {
                break;
            }
            assert!(at < began + END_MS, "jobs have not ended: {:?}", self.store.open());
        }
        self.check();
        self.coverage
    }

    /// Decides what comes from outside, and which faults there are.
    fn plan(&mut self) {
        for at in 0..self.schedulers.len() {
            let after = if at == 0 { 0 } else { self.rng.below(30_000) };
            self.after(after, SimEvent::Start(at));
        }
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
        for _ in 0..self.rng.below(4) * u64::from(self.is_shared()) {
            let after = self.rng.below(FAULT_PERIOD_MS);
            self.after(after, SimEvent::Pause);
        }
        if self.rng.chance(20) {
            let after = self.rng.below(FAULT_PERIOD_MS);
            self.after(after, SimEvent::Jump);
        }
    }

    fn is_over(&self) -> bool {
        let is_idle = |scheduler: &Scheduler| scheduler.is_up && scheduler.state.is_idle();
        self.store.open().is_empty() && self.calls.is_empty() && self.schedulers.iter().all(is_idle)
    }

    fn check(&mut self) {
        self.store.check();
        assert!(self.calls.is_empty(), "calls were not answered: {:?}", self.calls);
        for scheduler in &self.schedulers {
            assert_eq!(scheduler.state.calls.all(), 0, "a call's place was not given back");
        }
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
            SimEvent::Scheduler(life, event) => self.concern(life, event),
            SimEvent::Action(of, action, message) => {
                // What was sent before a pause arrives. The rest is sent after it.
                let is_paused = self.at(of).is_some_and(|at| self.schedulers[at].kept.is_some());
                if is_paused && self.rng.chance(50) {
                    return self.keep(of, SimEvent::Action(of, action, message));
                }
                self.execute(of, action, message);
            }
            SimEvent::Turn(of, turn, first) => self.take_turn(of, &turn, first),
            SimEvent::Queued(message) => self.deliver(message),
            SimEvent::WorkerMessage(worker, messages) => self.messages(worker, messages),
            SimEvent::Call(n) => self.call(n),
            SimEvent::Leave(n) => self.notify(n, |job| Input::Abandoned { job }),
            SimEvent::Detach(n) => self.notify(n, |job| Input::Detached { job }),
            SimEvent::Cancel(job) => self.cancel(job),
            SimEvent::Heartbeat(n) => self.heartbeat(n),
            SimEvent::Relay => self.relay(),
            SimEvent::Crash => self.crash(),
            SimEvent::Pause => self.pause(),
            SimEvent::Resume(life) => self.resume(life),
            SimEvent::Start(at) => self.start(at),
            SimEvent::Jump => {
                self.coverage.jumps += 1;
                self.offset_ms = HOUR_MS - JUMP_MS + self.rng.below(2 * JUMP_MS);
                let at = usize::try_from(self.rng.below(2)).unwrap() % self.schedulers.len();
                self.schedulers[at].skew_ms = self.rng.below(JUMP_MS);
            }
            SimEvent::Balance => self.assert_balanced(),
            SimEvent::Nothing => {}
        }
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
}
