//! A model check at small scope: two schedulers, two shares, two workers and one job with two
//! attempts. It visits every state that a bounded number of steps reaches. The steps use the types
//! that production links, and the order of steps covers pauses, late answers of the store, and
//! results that arrive late, in another order or several times.
#![allow(clippy::print_stdout)]

mod job;
mod process;

use std::collections::{HashSet, VecDeque};

use cortex_domain::ownership::{SchedulerId, Standing, Turn};
use cortex_domain::share::{Share, Term};

use self::job::JobModel;
use self::process::{Doing, Process};

/// The longest sequence of steps.
const MAX_STEPS: u8 = 16;
/// How often the clock of a scheduler passes the time after which a silent one counts as ended.
const MAX_CLOCK_JUMPS: u8 = 2;
/// How often a scheduler ends and is started again.
const MAX_RESTARTS: u8 = 1;

/// What the whole search has seen, so that a search that visits nothing is noticed.
#[derive(Debug, Default)]
struct Seen {
    states: usize,
    takeovers: usize,
    stale_terms: usize,
    second_attempts: usize,
    ends: usize,
    rivals: usize,
}

/// One state of the model.
#[derive(Clone)]
struct Model {
    record: Standing,
    processes: [Process; 2],
    job: JobModel,
    clock_jumps: u8,
    restarts: u8,
    steps: u8,
    /// The steps that led here, for a counterexample.
    path: Vec<Step>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// The store takes the turn that a scheduler sends.
    Turn(usize),
    /// A scheduler gets the answer to its turn.
    Answer(usize),
    /// The clock of a scheduler passes the time after which a silent one counts as ended.
    ClockJump(usize),
    /// A scheduler is killed, and another process takes its place.
    Restart(usize),
    /// A scheduler gives up its shares and ends, and another process takes its place.
    Leave(usize),
    /// A scheduler reads the job and decides what to change: to place it, or to end its lease.
    Decide(usize),
    /// A scheduler gets a result, and decides what to change. Results stay, so that each may arrive
    /// again.
    Deliver(usize, usize),
    /// The store gets the change of a scheduler.
    Commit(usize),
    /// The worker that runs the job reports that it is done, or that it failed.
    Report { succeeds: bool },
}

fn id(n: u8) -> SchedulerId {
    SchedulerId::new([n; 16])
}

/// Returns the share of the job, and another one.
fn shares() -> [Share; 2] {
    [Share::of(&"acme".parse().unwrap()), Share::of(&"other".parse().unwrap())]
}

/// Returns two schedulers that each prefer one of the shares, and one to replace either.
fn ids() -> [SchedulerId; 3] {
    let [first, second] = shares();
    let prefers = |a: SchedulerId, b: SchedulerId, share| a.weight(share) > b.weight(share);
    let fits = |n: &u8| prefers(id(1), id(*n), first) && prefers(id(*n), id(1), second);
    let other = (2..=255).find(fits).expect("some scheduler prefers the other share");
    [id(1), id(other), id(0)]
}

impl Model {
    fn new() -> Self {
        let [one, two, _] = ids();
        Self {
            record: Standing::default(),
            processes: [Process::new(one), Process::new(two)],
            job: JobModel::new(),
            clock_jumps: 0,
            restarts: 0,
            steps: 0,
            path: Vec::new(),
        }
    }

    fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        for (at, process) in self.processes.iter().enumerate() {
            match process.doing {
                Doing::Nothing | Doing::Planned(_) => steps.push(Step::Turn(at)),
                Doing::Answered(..) => steps.push(Step::Answer(at)),
            }
            if self.clock_jumps < MAX_CLOCK_JUMPS && process.watches_another() {
                steps.push(Step::ClockJump(at));
            }
            if self.restarts < MAX_RESTARTS {
                steps.extend([Step::Restart(at), Step::Leave(at)]);
            }
            if process.change.is_some() {
                steps.push(Step::Commit(at));
            } else if process.terms.get(shares()[0]).is_some() {
                steps.push(Step::Decide(at));
                steps.extend((0..self.job.results.len()).map(|result| Step::Deliver(at, result)));
            }
        }
        if self.job.is_at_worker() {
            steps.extend([true, false].map(|succeeds| Step::Report { succeeds }));
        }
        steps
    }

    /// Takes a step. Returns `None` if it changes nothing.
    fn take(&self, step: Step, seen: &mut Seen) -> Option<Self> {
        let mut next = self.clone();
        next.steps += 1;
        next.path.push(step);
        match step {
            Step::Turn(at) => {
                let turn = next.processes[at].next_turn();
                let first = matches!(next.processes[at].doing, Doing::Nothing);
                next.change_record(&turn, seen);
                next.processes[at].doing = Doing::Answered(next.record.clone(), first);
            }
            Step::Answer(at) => next.processes[at].answered(&shares()),
            Step::ClockJump(at) => {
                next.clock_jumps += 1;
                next.processes[at].jump();
            }
            Step::Restart(at) => next.restart(at),
            Step::Leave(at) => {
                let turn = next.processes[at].membership.leave();
                next.change_record(&turn, seen);
                next.restart(at);
            }
            Step::Decide(at) => {
                let term = next.term(at);
                next.processes[at].change = Some(next.job.decide(at, term)?);
            }
            Step::Deliver(at, result) => {
                let term = next.term(at);
                next.processes[at].change = Some(next.job.report(result, term)?);
            }
            Step::Commit(at) => {
                let change = next.processes[at].change.take()?;
                let term = change.term().expect("a scheduler changes only what it owns");
                let owner = next.owner_under(term);
                let committed = owner.is_some() && next.job.commit(change);
                seen.stale_terms += usize::from(owner.is_none());
                if committed {
                    next.ensure(owner == Some(next.processes[at].id()), "a commit under an old term");
                    next.ensure(next.job.attempts() <= 2, "a job has at most two attempts");
                    next.ensure(next.job.ends <= 1, "a job ends once");
                    seen.second_attempts += usize::from(next.job.attempts() == 2);
                    seen.ends += usize::from(next.job.ends == 1);
                }
            }
            Step::Report { succeeds } => next.job.finish(succeeds),
        }
        next.check(seen);
        Some(next)
    }

    fn term(&self, at: usize) -> Term {
        self.processes[at].terms.get(shares()[0]).expect("only the owner decides")
    }

    /// Returns the owner of the share, unless the term is over. A store refuses a change without one.
    fn owner_under(&self, term: Term) -> Option<SchedulerId> {
        let (epoch, owner) = self.record.shares.get(&term.share).copied()?;
        owner.filter(|_| epoch == term.epoch)
    }

    fn restart(&mut self, at: usize) {
        self.restarts += 1;
        self.processes[at] = Process::new(ids()[2]);
    }

    fn change_record(&mut self, turn: &Turn, seen: &mut Seen) {
        let before = self.record.clone();
        self.record.apply(turn);
        for (share, (epoch, owner)) in &self.record.shares {
            let (old, previous) = before.shares.get(share).copied().unwrap_or_default();
            let is_kept = owner.is_none() || *owner == previous;
            self.ensure(*epoch > old || (*epoch == old && is_kept), "a new owner has a new epoch");
            let was_seen = turn.take.contains(&Term { share: *share, epoch: old });
            self.ensure(*epoch == old || was_seen, "a share is taken only at the epoch that was seen");
            seen.takeovers += usize::from(*epoch > old && previous.is_some());
        }
    }

    /// Checks what is true of every state.
    fn check(&self, seen: &mut Seen) {
        for share in shares() {
            let believers = self.processes.iter().filter_map(|process| process.terms.get(share));
            let terms: Vec<Term> = believers.collect();
            let valid = terms.iter().filter(|term| self.owner_under(**term).is_some()).count();
            self.ensure(valid <= 1, "two schedulers can write for one share");
            seen.rivals += usize::from(terms.len() == 2);
        }
    }

    fn ensure(&self, holds: bool, rule: &str) {
        assert!(holds, "broken: {rule}\nafter {:#?}\nthe record is {:#?}", self.path, self.record);
    }

    /// Returns what the future depends on, as bytes.
    fn key(&self) -> Vec<u8> {
        let mut key = vec![self.clock_jumps, self.restarts];
        process::add_record(&mut key, &self.record, &self.record);
        self.processes.iter().for_each(|process| process.add_to(&mut key, &self.record));
        self.job.add_to(&mut key);
        key
    }
}

#[test]
fn no_order_of_steps_lets_two_schedulers_write_for_one_share() {
    let (mut seen, mut known) = (Seen::default(), HashSet::new());
    let start = Model::new();
    known.insert(start.key());
    let mut open = VecDeque::from([start]);
    while let Some(model) = open.pop_front() {
        if model.steps == MAX_STEPS {
            continue;
        }
        for step in model.steps() {
            if let Some(next) = model.take(step, &mut seen)
                && known.insert(next.key())
            {
                open.push_back(next);
            }
        }
    }
    seen.states = known.len();
    println!("at most {MAX_STEPS} steps: {seen:?}");
    assert!(seen.states > 10_000, "{seen:?}");
    for count in [seen.takeovers, seen.stale_terms, seen.second_attempts, seen.ends, seen.rivals] {
        assert!(count > 100, "something hardly ever happened: {seen:?}");
    }
}
