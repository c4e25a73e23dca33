//! The simulated schedulers: their turns at the record of shares, and how they stop, pause and end.

use std::cell::Cell;

use cortex_domain::id::DispatchId;
use cortex_domain::ownership::{SchedulerId, Standing, Turn};
use cortex_domain::pointer::Memory;
use cortex_domain::share::{Share, Term, Terms};
use cortex_domain::time::{Timestamp, Uptime};

use super::bus::Message;
use super::{SimEvent, Simulation};
use crate::core::{Action, Input, Note, Now, State};
use crate::membership::{Membership, TURN_INTERVAL};
use crate::settings::Settings;

/// The longest pause.
const PAUSE_MS: u64 = 20_000;

/// One scheduler process, which may be started again as another one.
pub(super) struct Scheduler {
    /// Names the process among all that there are in a simulation.
    pub(super) life: u64,
    id: SchedulerId,
    pub(super) state: State<u64>,
    membership: Membership,
    /// The terms under which it acts and listens.
    pub(super) terms: Terms,
    pub(super) is_up: bool,
    /// What waits until a pause ends, if the scheduler is paused.
    pub(super) kept: Option<Vec<SimEvent>>,
    paused_at: u64,
    /// How long its machine has slept, which its uptime does not count.
    slept_ms: u64,
    /// How far its wall clock is ahead of the others.
    pub(super) skew_ms: u64,
}

/// What happens to a scheduler.
#[derive(Debug)]
pub(super) enum SchedulerEvent {
    /// What came over the bus, and the message to deliver again if it is not handled.
    Message(Input<u64>, Option<Message>),
    /// The outcome of an action, and the message that started it.
    Outcome(Input<u64>, Option<Message>),
    Tick,
    /// Reads the open jobs, and does so again later if this is the repeated one.
    Reconcile {
        repeats: bool,
    },
    Turn,
    /// The store's answer to a turn, and whether the turn was the first of a step.
    Turned(Option<Standing>, bool),
}

impl Scheduler {
    /// In some simulations, most jobs in flight are in the store alone.
    pub(super) fn new(id: SchedulerId, life: u64, seed: u64, settings: &Settings) -> Self {
        let mut state = State::new(settings, Memory::Local);
        if seed.is_multiple_of(5) {
            state.max_jobs_in_memory = 1;
        }
        Self {
            life,
            id,
            state,
            membership: Membership::new(id),
            terms: Terms::default(),
            is_up: false,
            kept: None,
            paused_at: 0,
            slept_ms: 0,
            skew_ms: 0,
        }
    }
}

impl Simulation {
    /// Returns the place of a scheduler, unless this life of it has ended.
    pub(super) fn at(&self, life: u64) -> Option<usize> {
        self.schedulers.iter().position(|scheduler| scheduler.is_up && scheduler.life == life)
    }

    pub(super) fn owner_under(&self, term: Option<Term>) -> Option<SchedulerId> {
        self.store.owner_under(term.expect("a scheduler changes only what it owns"))
    }

    /// Starts a scheduler as a new process.
    pub(super) fn start(&mut self, at: usize) {
        if !self.is_shared() {
            // The store has a new process, so the one before has no share.
            self.store.standing.schedulers.clear();
            self.store.standing.shares.values_mut().for_each(|(_, owner)| *owner = None);
        }
        let life = u64::try_from(self.ids.len()).unwrap() + 1;
        let id = SchedulerId::new(self.rng.bytes());
        self.ids.insert(life, id);
        self.schedulers[at] =
            Scheduler { is_up: true, ..Scheduler::new(id, life, self.seed, &self.settings) };
        self.after(1, SimEvent::Scheduler(life, SchedulerEvent::Turn));
        self.after(1, SimEvent::Scheduler(life, SchedulerEvent::Reconcile { repeats: true }));
        self.after(100, SimEvent::Scheduler(life, SchedulerEvent::Tick));
    }

    /// Keeps an event until a paused scheduler goes on.
    pub(super) fn keep(&mut self, life: u64, event: SimEvent) {
        if let Some(at) = self.at(life) {
            self.schedulers[at].kept.get_or_insert_default().push(event);
        }
    }

    pub(super) fn concern(&mut self, life: u64, event: SchedulerEvent) {
        let Some(at) = self.at(life) else {
            if let SchedulerEvent::Message(_, Some(message)) | SchedulerEvent::Outcome(_, Some(message)) =
                event
            {
                self.redeliver(message);
            }
            return;
        };
        if self.schedulers[at].kept.is_some() {
            return self.keep(life, SimEvent::Scheduler(life, event));
        }
        match event {
            SchedulerEvent::Message(input, message) | SchedulerEvent::Outcome(input, message) => {
                self.apply(at, input, message);
            }
            SchedulerEvent::Tick => {
                self.apply(at, Input::Tick, None);
                let interval = if self.is_shared() { 250 } else { 100 };
                self.after(interval, SimEvent::Scheduler(life, SchedulerEvent::Tick));
            }
            SchedulerEvent::Reconcile { repeats } => {
                let jobs = self.store.open();
                self.apply(at, Input::OpenJobs { jobs }, None);
                if repeats {
                    self.after(10_000, SimEvent::Scheduler(life, SchedulerEvent::Reconcile { repeats }));
                }
            }
            SchedulerEvent::Turn => {
                let turn = self.schedulers[at].membership.heartbeat();
                self.send_turn(life, turn, true);
            }
            SchedulerEvent::Turned(standing, first) => self.turned(at, standing, first),
        }
    }

    fn send_turn(&mut self, life: u64, turn: Turn, first: bool) {
        let after = if self.chance_of_fault(3) { self.rng.below(3000) } else { self.rng.below(20) };
        self.after(after, SimEvent::Turn(life, turn, first));
    }

    /// Lets the store take a turn, unless it fails. A turn that failed may still have been made.
    pub(super) fn take_turn(&mut self, life: u64, turn: &Turn, first: bool) {
        let fails = self.chance_of_fault(3);
        if !fails || self.rng.chance(50) {
            self.change_record(turn);
        }
        let answer = (!fails).then(|| self.store.standing.clone());
        let after = if self.chance_of_fault(3) { self.rng.below(3000) } else { self.rng.below(20) };
        self.after(after, SimEvent::Scheduler(life, SchedulerEvent::Turned(answer, first)));
    }

    /// Asserts that every new owner of a share has a new term, and that each term is of one owner.
    fn change_record(&mut self, turn: &Turn) {
        let before = self.store.standing.clone();
        self.store.standing.apply(turn);
        for (share, (epoch, owner)) in &self.store.standing.shares {
            let (old, previous) = before.shares.get(share).copied().unwrap_or_default();
            assert!(*epoch >= old, "the epoch of share {share} fell");
            assert!(*epoch > old || owner.is_none() || *owner == previous, "two owners under one term");
            self.coverage.takeovers +=
                u64::from(*epoch > old && previous.is_some_and(|previous| Some(previous) != *owner));
        }
        self.after(1, SimEvent::Relay);
    }

    /// Does what the scheduler does with the answer to a turn.
    fn turned(&mut self, at: usize, standing: Option<Standing>, first: bool) {
        let life = self.schedulers[at].life;
        let Some(standing) = standing else { return self.next_step(life) };
        let now = self.awake(at);
        self.schedulers[at].membership.observe(standing, now);
        self.adopt(at, self.schedulers[at].membership.terms());
        if !first {
            return self.next_step(life);
        }
        let kept = Cell::new(0);
        let Scheduler { membership, state, .. } = &mut self.schedulers[at];
        let planned = membership.plan(now, |share| {
            let has_calls = state.has_calls(share);
            kept.set(kept.get() + u64::from(has_calls));
            has_calls
        });
        self.coverage.kept_shares += kept.get();
        let Some(turn) = planned else { return self.next_step(life) };
        let busy = turn.give.iter().filter(|share| state.has_calls(**share)).count();
        self.coverage.busy_gives += u64::try_from(busy).unwrap();
        let terms = self.schedulers[at].membership.terms_after(&turn);
        self.adopt(at, terms);
        self.send_turn(life, turn, false);
    }

    fn next_step(&mut self, life: u64) {
        let interval = u64::try_from(TURN_INTERVAL.as_millis()).unwrap();
        self.after(interval, SimEvent::Scheduler(life, SchedulerEvent::Turn));
    }

    fn adopt(&mut self, at: usize, terms: Terms) {
        let scheduler = &mut self.schedulers[at];
        if terms == scheduler.terms {
            return;
        }
        let before = std::mem::replace(&mut scheduler.terms, terms.clone());
        let gained = terms.iter().any(|term| before.get(term.share) != Some(term));
        let life = scheduler.life;
        self.apply(at, Input::Owned { terms }, None);
        self.assert_one_valid_term();
        if gained {
            let reconcile = SchedulerEvent::Reconcile { repeats: false };
            self.after(1, SimEvent::Scheduler(life, reconcile));
            self.after(1, SimEvent::Relay);
        }
    }

    fn assert_one_valid_term(&self) {
        for share in Share::all() {
            let terms = self.schedulers.iter().filter_map(|scheduler| scheduler.terms.get(share));
            let valid = terms.filter(|term| self.store.owner_under(*term).is_some()).count();
            assert!(valid <= 1, "two schedulers can write for share {share}");
        }
    }

    /// Asserts that every share has the owner that all schedulers prefer, and that it knows it.
    pub(super) fn assert_balanced(&self) {
        for share in Share::all() {
            let preferred = self.schedulers.iter().map(|of| of.id).max_by_key(|id| (id.weight(share), *id));
            let owner = self.store.standing.shares.get(&share).and_then(|(_, owner)| *owner);
            assert_eq!(owner, preferred, "the owner of share {share}");
        }
        for scheduler in &self.schedulers {
            assert_eq!(scheduler.terms, self.store.standing.terms(scheduler.id));
        }
    }

    fn awake(&self, at: usize) -> Uptime {
        Uptime::from_millis(self.now_ms - self.schedulers[at].slept_ms)
    }

    fn wall_at(&self, at: usize) -> Timestamp {
        Timestamp::from_millis(self.now_ms + self.offset_ms + self.schedulers[at].skew_ms)
    }

    fn apply(&mut self, at: usize, input: Input<u64>, message: Option<Message>) {
        let (wall, awake) = (self.wall_at(at), self.awake(at));
        let rng = &mut self.rng;
        let mut dispatch = || DispatchId::new(rng.bytes());
        let mut is_left = input.is_failure_of_store();
        let scheduler = &mut self.schedulers[at];
        let life = scheduler.life;
        let actions = scheduler.state.apply(input, Now { wall, awake, dispatch: &mut dispatch });
        scheduler.state.assert_invariants();
        for action in actions {
            match action {
                Action::Note(note) => self.noted(&note),
                Action::Leave => {
                    self.coverage.left_messages += 1;
                    is_left = true;
                }
                action => {
                    // Answers and messages to workers are sent in the order of the actions.
                    // Requests to others take their time.
                    let is_slow = self.is_shared() && !action.answers() && self.chance_of_fault(3);
                    let most = if is_slow { 15_000 } else { 30 };
                    let after = if action.answers() { 0 } else { self.rng.below(most) };
                    let message = message.clone().filter(|_| action.is_of_store());
                    self.after(after, SimEvent::Action(life, action, message));
                }
            }
        }
        if is_left && let Some(message) = message {
            self.redeliver(message);
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

    fn any(&mut self) -> usize {
        let count = u64::try_from(self.schedulers.len()).unwrap();
        usize::try_from(self.rng.below(count)).unwrap()
    }

    /// Pauses a scheduler, or lets its machine sleep.
    pub(super) fn pause(&mut self) {
        let at = self.any();
        let after = self.rng.below(PAUSE_MS);
        let scheduler = &mut self.schedulers[at];
        if scheduler.is_up && scheduler.kept.is_none() {
            scheduler.kept = Some(Vec::new());
            scheduler.paused_at = self.now_ms;
            let life = scheduler.life;
            self.coverage.pauses += 1;
            self.after(after, SimEvent::Resume(life));
        }
    }

    pub(super) fn resume(&mut self, life: u64) {
        let Some(at) = self.at(life) else { return };
        let Some(kept) = self.schedulers[at].kept.take() else { return };
        if self.rng.chance(50) {
            let scheduler = &mut self.schedulers[at];
            scheduler.slept_ms += self.now_ms - scheduler.paused_at;
        }
        for event in kept {
            let is_outcome = matches!(event, SimEvent::Scheduler(_, SchedulerEvent::Outcome(..)));
            let after = if is_outcome && self.rng.chance(20) { self.rng.below(3000) } else { 0 };
            self.after(after, event);
        }
    }

    /// Stops the scheduler, which answers every caller and does nothing else.
    fn stop_scheduler(&mut self, at: usize) {
        self.coverage.stops += 1;
        let life = self.schedulers[at].life;
        let (mut answers, mut coming) = (Vec::new(), Vec::new());
        for event in self.events.values_mut() {
            match std::mem::replace(event, SimEvent::Nothing) {
                SimEvent::Action(of, action, _) if of == life && action.answers() => answers.push(action),
                SimEvent::Action(of, ..) if of == life => {}
                other => *event = other,
            }
            if let SimEvent::Scheduler(of, SchedulerEvent::Message(Input::Called { reply, .. }, _)) = event
                && *of == life
            {
                coming.push(*reply);
            }
        }
        let (wall, awake) = (self.wall_at(at), self.awake(at));
        let mut dispatch = || panic!("it places a job");
        let state = &mut self.schedulers[at].state;
        let actions = state.apply(Input::Stopping, Now { wall, awake, dispatch: &mut dispatch });
        state.assert_invariants();
        answers.extend(actions.into_iter().filter(Action::answers));
        for action in answers {
            self.execute(life, action, None);
        }
        let open = self.calls.iter().filter(|(n, call)| call.life == Some(life) && !coming.contains(n));
        assert_eq!(open.count(), 0, "calls were not answered: {:?}", self.calls);
    }

    /// Ends a scheduler, which another one replaces. One that is stopped may leave the record. Some
    /// actions of one that is killed are executed, but it never sees the outcomes.
    pub(super) fn crash(&mut self) {
        let at = self.any();
        if !self.schedulers[at].is_up {
            return;
        }
        let life = self.schedulers[at].life;
        if self.schedulers[at].kept.is_none() && self.rng.chance(50) {
            self.stop_scheduler(at);
            if self.rng.chance(70) {
                self.coverage.leaves += 1;
                let leave = self.schedulers[at].membership.leave();
                self.change_record(&leave);
            }
        }
        self.coverage.crashes += 1;
        for event in self.events.values_mut() {
            if matches!(event, SimEvent::Action(of, ..) if *of == life) && self.rng.chance(50) {
                *event = SimEvent::Nothing;
            }
        }
        let scheduler = &mut self.schedulers[at];
        scheduler.is_up = false;
        scheduler.terms = Terms::default();
        for event in scheduler.kept.take().into_iter().flatten() {
            if let SimEvent::Scheduler(_, event) = event {
                self.concern(life, event);
            }
        }
        let lost = self.calls.extract_if(.., |_, call| call.life == Some(life));
        let lost: Vec<u64> = lost.map(|(n, _)| n).collect();
        self.coverage.lost += u64::try_from(lost.len()).unwrap();
        self.lost.extend(lost.into_iter().map(|n| (n, life)));
        let after = if self.is_shared() { 1 + self.rng.below(10_000) } else { 1 };
        self.after(after, SimEvent::Start(at));
    }
}
