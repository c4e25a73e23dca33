//! One simulated origin around the core.

mod outside;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::path::Path;
use std::time::Duration;

use cortex_domain::event::Event;
use cortex_domain::id::{DispatchId, JobId, WorkerId};
use cortex_domain::job::{CostEstimate, Durability, InputFormat, Job, Limits, Owner, Priority, Request};
use cortex_domain::pointer::Memory;
use cortex_domain::state::{Lease, State as JobState};
use cortex_domain::time::{Timestamp, Uptime};
use cortex_domain::topics;
use cortex_domain::transition::{Change, OutboxMessage};
use cortex_domain::worker::HeldLease;

use super::dice::Dice;
use super::seen::Seen;
use super::store::Store;
use super::workers::{self, Said};
use crate::core::{Action, Input, Note, Now, State};
use crate::settings::{Settings, Unlisted};

const JOBS: u64 = 6;
const CALLS: u64 = 5;
const WORKERS: u64 = 2;
/// After this time no more faults are made.
const PEACE_MS: u64 = 120_000;
/// After this time a job that has not ended is stuck.
const END_MS: u64 = HOUR_MS;
const HOUR_MS: u64 = 3_600_000;
/// By how much the wall clock is set at most.
const JUMP_MS: u64 = 120_000;

/// Something that comes.
#[derive(Debug)]
enum Coming {
    Input(Input<u64>),
    /// An action of the incarnation that gave it, to be executed.
    Action(u64, Action<u64>),
    /// The outcome of an action, for the incarnation that gave it.
    Outcome(u64, Input<u64>),
    Said(WorkerId, Said),
    Call(u64),
    Leave(u64),
    Detach(u64),
    Cancel(JobId),
    Beat(u64),
    Tick,
    Reconcile,
    Relay,
    Crash,
    /// The clock is set.
    Jump,
    /// What a crash took along.
    Nothing,
}

pub(super) struct World {
    dice: Dice,
    state: State<u64>,
    settings: Settings,
    store: Store,
    /// Ordered by time; equals in the order in which they came.
    coming: BinaryHeap<Reverse<(u64, u64)>>,
    what: BTreeMap<u64, Coming>,
    count: u64,
    now_ms: u64,
    incarnation: u64,
    /// Calls that are open, by their number; those of a scheduler that was killed are lost.
    calls: BTreeMap<u64, JobId>,
    lost: BTreeSet<u64>,
    /// What each worker holds.
    held: BTreeMap<WorkerId, BTreeMap<DispatchId, (JobId, Lease)>>,
    /// Dispatches that were sent, each once.
    sent: BTreeSet<[u8; 16]>,
    /// How often each job was sent.
    sent_jobs: BTreeMap<JobId, usize>,
    /// By how much the wall clock was set forth, beside an hour.
    offset_ms: u64,
    seen: Seen,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let pools = "topics: { job.echo: { pool: echo } }\n";
        let timeouts = "heartbeat: 2s\nlease: 10s\ndefault: { run: 30s, attempts: 3 }\n";
        let mut settings =
            Settings::parse((pools, Path::new("p")), (timeouts, Path::new("t")), Unlisted::Refused).unwrap();
        if seed.is_multiple_of(3) {
            // Few places, so that jobs give each other up and calls are refused.
            (settings.sharing.queue, settings.sharing.calls) = (3, 3);
        }
        if seed.is_multiple_of(2) {
            settings.sharing.asks = 1;
        }
        let state = State::new(&settings, Memory::Local);
        Self {
            dice: Dice::new(seed),
            state,
            settings,
            store: Store::default(),
            coming: BinaryHeap::new(),
            what: BTreeMap::new(),
            count: 0,
            now_ms: 1_000_000,
            incarnation: 0,
            calls: BTreeMap::new(),
            lost: BTreeSet::new(),
            held: BTreeMap::new(),
            sent: BTreeSet::new(),
            sent_jobs: BTreeMap::new(),
            offset_ms: HOUR_MS,
            seen: Seen::default(),
        }
    }

    pub(super) fn run(mut self) -> Seen {
        for n in 0..JOBS {
            let after = self.dice.below(30_000);
            let job = Job::accepted(self.request(), Durability::Durable, Memory::Local);
            self.store.accept(job.clone());
            self.after(after, Coming::Relay);
            if n < 2 || self.dice.chance(10) {
                let after = self.dice.below(10_000);
                self.after(after, Coming::Cancel(job.id()));
            }
        }
        for n in 0..CALLS {
            let after = self.dice.below(60_000);
            self.after(after, Coming::Call(n));
        }
        for n in 0..WORKERS {
            self.after(n, Coming::Beat(n));
        }
        for _ in 0..self.dice.below(3) {
            let after = self.dice.below(PEACE_MS);
            self.after(after, Coming::Crash);
        }
        if self.dice.chance(20) {
            let after = self.dice.below(PEACE_MS);
            self.after(after, Coming::Jump);
        }
        self.after(100, Coming::Tick);
        self.after(1, Coming::Reconcile);
        let began = self.now_ms;
        while let Some(Reverse((at, number))) = self.coming.pop() {
            self.now_ms = at;
            let what = self.what.remove(&number).expect("what comes is known");
            self.happen(what);
            if at > began + PEACE_MS && self.is_over() {
                break;
            }
            assert!(at < began + END_MS, "jobs have not ended: {:?}", self.store.open());
        }
        self.check();
        self.seen
    }

    fn is_over(&self) -> bool {
        self.store.open().is_empty() && self.calls.is_empty() && self.state.is_idle()
    }

    fn check(&mut self) {
        self.store.check();
        assert!(self.calls.is_empty(), "calls were not answered: {:?}", self.calls);
        assert_eq!(self.state.calls.all(), 0, "a call's place was not given back");
        for (job, _) in self.store.jobs.values() {
            let seen = &mut self.seen;
            *match job.state {
                JobState::Succeeded { .. } => &mut seen.succeeded,
                JobState::Failed { .. } => &mut seen.failed,
                JobState::Cancelled { .. } => &mut seen.cancelled,
                JobState::TimedOut { .. } => &mut seen.timed_out,
                _ => &mut seen.denied,
            } += 1;
        }
    }

    fn wall(&self) -> Timestamp {
        Timestamp::from_millis(self.now_ms + self.offset_ms)
    }

    fn at_peace(&self) -> bool {
        self.now_ms > 1_000_000 + PEACE_MS
    }

    fn fault(&mut self, percent: u64) -> bool {
        !self.at_peace() && self.dice.chance(percent)
    }

    fn after(&mut self, ms: u64, what: Coming) {
        self.count += 1;
        self.what.insert(self.count, what);
        self.coming.push(Reverse((self.now_ms + ms, self.count)));
    }

    fn request(&mut self) -> Request {
        let now = self.wall();
        let deadline =
            self.dice.chance(15).then(|| now.after(Duration::from_millis(self.dice.below(60_000))));
        let tenant = if self.dice.chance(50) { "acme" } else { "other" };
        Request {
            id: JobId::mint(now, self.dice.bytes()),
            owner: Owner { tenant: tenant.parse().unwrap(), principal: "ci".parse().unwrap(), roles: vec![] },
            topic: topics::ECHO,
            model: None,
            input: InputFormat::default(),
            priority: Priority::Normal,
            limits: Limits { attempts: 3, run: Duration::from_secs(30), deadline },
            labels: BTreeMap::default(),
            idempotency: None,
            content: None,
            estimate: CostEstimate::default(),
            hops: vec![],
            created_at: now,
            traceparent: None,
        }
    }

    fn happen(&mut self, what: Coming) {
        match what {
            Coming::Input(input) => self.apply(input),
            Coming::Action(of, action) => self.execute(of, action),
            Coming::Outcome(of, input) if of == self.incarnation => self.apply(input),
            Coming::Outcome(..) => {}
            Coming::Said(worker, said) => self.said(worker, said),
            Coming::Call(n) => self.call(n),
            Coming::Leave(n) => {
                if let Some(job) = self.calls.get(&n).copied() {
                    self.apply(Input::HungUp { job });
                }
            }
            Coming::Detach(n) => {
                if let Some(job) = self.calls.get(&n).copied() {
                    self.apply(Input::Detached { job });
                }
            }
            Coming::Cancel(job) => self.cancel(job),
            Coming::Beat(n) => self.beat(n),
            Coming::Tick => {
                self.apply(Input::Tick);
                self.after(100, Coming::Tick);
            }
            Coming::Reconcile => {
                let jobs = self.store.open();
                self.apply(Input::Open { jobs });
                self.after(10_000, Coming::Reconcile);
            }
            Coming::Relay => self.relay(),
            Coming::Crash => self.crash(),
            Coming::Jump => {
                self.seen.jumps += 1;
                self.offset_ms = HOUR_MS - JUMP_MS + self.dice.below(2 * JUMP_MS);
            }
            Coming::Nothing => {}
        }
    }

    fn apply(&mut self, input: Input<u64>) {
        let (wall, awake) = (self.wall(), Uptime::from_millis(self.now_ms));
        let dice = &mut self.dice;
        let mut dispatch = || DispatchId::new(dice.bytes());
        let actions = self.state.apply(input, Now { wall, awake, dispatch: &mut dispatch });
        self.state.assert_sound();
        for action in actions {
            if let Action::Note(note) = action {
                self.noted(&note);
                continue;
            }
            // Answers and words to workers go out in the order of the actions; what is asked of others takes its time.
            let after = if action.answers() { 0 } else { self.dice.below(30) };
            self.after(after, Coming::Action(self.incarnation, action));
        }
    }

    fn noted(&mut self, note: &Note) {
        let seen = &mut self.seen;
        *match note {
            Note::Lapsed { .. } => &mut seen.lapsed,
            Note::Stale { .. } => &mut seen.stale,
            Note::Orphan { .. } => &mut seen.orphans,
            Note::NotPlaced { .. } | Note::TooManyReports { .. } | Note::Unplaced { .. } => return,
        } += 1;
    }

    fn call(&mut self, n: u64) {
        let request = self.request();
        self.calls.insert(n, request.id);
        if self.dice.chance(15) {
            let after = self.dice.below(5000);
            self.after(after, Coming::Leave(n));
        }
        if self.dice.chance(30) {
            let after = self.dice.below(5000);
            self.after(after, Coming::Detach(n));
        }
        self.apply(Input::Called { request: Box::new(request), reply: n });
    }

    /// The gateway cancels a job: it commits that itself.
    fn cancel(&mut self, id: JobId) {
        let Some((job, _)) = self.store.jobs.get(&id) else { return };
        let event = Event::Cancelled { reason: "enough".into() };
        if let Ok(change) = Change::of(job.clone()).then(event, self.wall()) {
            self.store.commit(change).unwrap();
            self.after(1, Coming::Relay);
        }
    }

    /// The outbox, carried to the bus, where a message may be lost or come twice.
    fn relay(&mut self) {
        while let Some(message) = self.store.outbox.pop_front() {
            let times = if self.fault(5) { 0 } else { 1 + u64::from(self.fault(20)) };
            for _ in 0..times {
                let after = self.dice.below(50);
                match &message {
                    OutboxMessage::Submit { job } => {
                        self.after(after, Coming::Input(Input::Submitted { job: *job }))
                    }
                    OutboxMessage::Abort { job, lease, worker } => {
                        self.stop(*lease, worker);
                        self.after(after, Coming::Input(Input::Changed { job: *job }));
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

    fn beat(&mut self, n: u64) {
        if !self.fault(10) {
            let worker = workers::name(n);
            let held = self.held.get(&worker).map(|held| {
                held.values().map(|(job, lease)| HeldLease { job: *job, lease: *lease }).collect()
            });
            let draining = self.fault(5);
            let input = Input::Beat {
                worker: Box::new(workers::candidate(n, draining)),
                held: held.unwrap_or_default(),
            };
            self.apply(input);
        }
        self.after(2000, Coming::Beat(n));
    }

    fn said(&mut self, worker: WorkerId, said: Said) {
        match said {
            Said::Draft { job, dispatch } => {
                self.store.drafts.insert((job, dispatch));
            }
            Said::Report { job, event } => {
                if let Some(lease) = event.lease().filter(|_| !matches!(event, Event::Started { .. })) {
                    self.stop(lease, &worker);
                }
                let times = if self.fault(3) { 0 } else { 1 + u64::from(self.fault(10)) };
                for _ in 0..times {
                    let after = self.dice.below(20);
                    let (event, worker) = (event.clone(), worker.clone());
                    self.after(after, Coming::Input(Input::Reported { job, event, worker }));
                }
            }
        }
    }

    /// The scheduler stops: it answers every caller, and does nothing else.
    fn stop_scheduler(&mut self) {
        self.seen.stops += 1;
        let mut answers = Vec::new();
        for what in self.what.values_mut() {
            match std::mem::replace(what, Coming::Nothing) {
                Coming::Action(of, action) if action.answers() => answers.push((of, action)),
                Coming::Action(..) => {}
                other => *what = other,
            }
        }
        let (wall, awake) = (self.wall(), Uptime::from_millis(self.now_ms));
        let mut dispatch = || panic!("it places a job");
        let actions = self.state.apply(Input::Stopping, Now { wall, awake, dispatch: &mut dispatch });
        self.state.assert_sound();
        answers.extend(actions.into_iter().filter(Action::answers).map(|action| (self.incarnation, action)));
        for (of, action) in answers {
            self.execute(of, action);
        }
        assert!(self.calls.is_empty(), "calls were not answered: {:?}", self.calls);
    }

    /// The scheduler is killed. Of what it was about to do some is done, and it hears of none.
    fn crash(&mut self) {
        if self.dice.chance(50) {
            self.stop_scheduler();
        }
        self.seen.crashes += 1;
        for what in self.what.values_mut() {
            if matches!(what, Coming::Action(..)) && self.dice.chance(50) {
                *what = Coming::Nothing;
            }
        }
        self.incarnation += 1;
        self.lost.extend(self.calls.keys());
        self.seen.lost += u64::try_from(self.calls.len()).unwrap();
        self.calls.clear();
        self.state = State::new(&self.settings, Memory::Local);
        self.after(1, Coming::Reconcile);
    }
}
