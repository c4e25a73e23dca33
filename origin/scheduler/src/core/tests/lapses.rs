//! What happens when the workers of many jobs vanish at once.

use cortex_domain::event::Event;
use cortex_domain::id::{DispatchId, JobId};
use cortex_domain::job::Job;
use cortex_domain::ownership::SchedulerId;
use cortex_domain::share::{Epoch, Share};
use cortex_domain::state::{Attempt, Lease, Target};
use cortex_domain::time::Uptime;
use cortex_domain::transition::Change;

use super::fixtures::{NOW, job, state};
use super::store::Store;
use super::workers;
use crate::core::tracked::Phase;
use crate::core::{Action, Input, Now, SaveError, State};

const JOBS: u16 = 5000;
/// The most jobs that may be in memory at once.
const MOST: usize = 1024;

fn running(n: u16) -> Job {
    let bytes = n.to_be_bytes();
    let random = [0, 0, 0, 0, 0, 0, 0, 0, bytes[0], bytes[1]];
    let mut accepted = job();
    accepted.request.id = JobId::mint(NOW, random);
    let dispatch = DispatchId::new([[0; 6].as_slice(), &random].concat().try_into().unwrap());
    let lease = Lease { attempt: Attempt(1), dispatch };
    let worker = workers::name(u64::from(n) % 10);
    let mut change = Change::of(accepted);
    for event in [
        Event::Scheduled { lease, target: Target::Worker(worker.clone()) },
        Event::Dispatched { lease },
        Event::Started { lease, worker },
    ] {
        change = change.then(event, NOW).unwrap();
    }
    change.into_job()
}

/// A scheduler, its store and the time.
struct Origin {
    state: State<()>,
    store: Store,
    awake: Uptime,
    /// How often the store was asked in this step of time.
    asked: usize,
}

impl Origin {
    /// Starts with running jobs of an earlier process.
    fn start() -> Self {
        let mut origin =
            Self { state: state(), store: Store::default(), awake: Uptime::from_millis(1), asked: 0 };
        let owner = SchedulerId::new([1; 16]);
        let shares = Share::all().map(|share| (share, (Epoch(1), Some(owner))));
        origin.store.standing.shares.extend(shares);
        let jobs: Vec<Job> = (0..JOBS).map(running).collect();
        for job in &jobs {
            origin.store.jobs.insert(job.id(), (job.clone(), vec![]));
        }
        origin.apply(Input::OpenJobs { jobs }, true);
        origin
    }

    /// Applies an input and everything that follows from it. The store fails to commit unless it
    /// `works`.
    fn apply(&mut self, input: Input<()>, works: bool) {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            let mut dispatch = || panic!("no worker is left");
            let now = Now { wall: NOW, awake: self.awake, dispatch: &mut dispatch };
            for action in self.state.apply(input, now) {
                inputs.extend(self.execute(action, works));
            }
        }
    }

    fn execute(&mut self, action: Action<()>, works: bool) -> Option<Input<()>> {
        self.asked += 1;
        match action {
            Action::Load { job } => {
                let found = self.store.jobs.get(&job).map(|(job, _)| Box::new(job.clone()));
                Some(Input::Loaded { job, found: Ok(found) })
            }
            Action::Commit { change } => {
                let job = change.job().id();
                let saved = if works { self.store.commit(*change) } else { Err(SaveError::Failed) };
                Some(Input::Saved { job, outcome: saved.map(Box::new) })
            }
            Action::Note(_) => {
                self.asked -= 1;
                None
            }
            other => panic!("{other:?}"),
        }
    }

    fn tick(&mut self, works: bool) {
        self.awake = self.awake.after(std::time::Duration::from_millis(100));
        self.asked = 0;
        self.apply(Input::Tick, works);
    }

    fn in_memory(&self) -> usize {
        let phases = self.state.jobs.values().map(|tracked| &tracked.phase);
        phases.filter(|phase| !matches!(phase, Phase::InStore { .. })).count()
    }

    fn lapsed(&self) -> usize {
        self.store.jobs.values().filter(|(_, log)| !log.is_empty()).count()
    }
}

#[test]
fn jobs_that_ran_before_the_start_are_in_the_store_alone() {
    let origin = Origin::start();
    assert_eq!((origin.state.jobs.len(), origin.in_memory()), (usize::from(JOBS), 0));
    origin.state.assert_invariants();
}

#[test]
fn many_leases_that_end_at_once_reach_the_store_a_few_at_a_time() {
    let mut origin = Origin::start();
    origin.awake = Uptime::from_millis(11_000);
    let mut ticks = 0;
    while origin.lapsed() < usize::from(JOBS) {
        origin.tick(true);
        ticks += 1;
        assert!(origin.asked <= 2 * MOST, "{} reads and commits in one step", origin.asked);
        assert!(ticks < 10, "only {} of the leases ended", origin.lapsed());
    }
    origin.state.assert_invariants();
    for (job, log) in origin.store.jobs.values() {
        let events: Vec<_> = log.iter().map(|entry| entry.event.name()).collect();
        assert_eq!(events, ["failed"], "{job:?}");
    }
    assert!(origin.state.fleet.dispatches().is_empty());
}

#[test]
fn a_store_that_fails_is_not_asked_about_all_leases_that_ended() {
    let mut origin = Origin::start();
    origin.awake = Uptime::from_millis(11_000);
    for _ in 0..50 {
        origin.tick(false);
        assert!(origin.asked <= 2 * MOST, "{} reads and commits in one step", origin.asked);
        assert!(origin.in_memory() <= MOST, "{} jobs are in memory", origin.in_memory());
    }
    origin.state.assert_invariants();
    for _ in 0..50 {
        origin.tick(true);
    }
    assert_eq!(origin.lapsed(), usize::from(JOBS));
    assert!(origin.state.fleet.dispatches().is_empty());
}
