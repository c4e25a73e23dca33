//! A seeded simulation of the scheduler with its driver, over the real store and bus: workers that succeed, fail, fall silent,
//! report twice, late, out of order or under leases that are not theirs, and a scheduler that is stopped and
//! started again. Whatever happens, every accepted job ends, its log folds to its state, and what it answered
//! comes from the lease that won. A failing run prints its seed; `CORTEX_DRIVER_SEED` replays it and
//! `CORTEX_DRIVER_SEEDS` says how many to run. The rules alone are simulated in the scheduler's own tests, many more times.
#![allow(clippy::print_stdout)]

mod edge_reports;
mod fairness;
mod faulty_worker;
mod grpc;
mod pausing;
mod races;
mod receipts;
mod scheduler_fixture;
mod seeded_random;
mod simulation;
mod slow_link_peer;
mod streams;
mod unresponsive_kernel;

use cortex_domain::event::Event;
use cortex_domain::job::{Durability, Job, Version};
use cortex_domain::pointer::Pointer;
use cortex_domain::ports::{Jobs, Payloads};
use cortex_domain::state::{State, StateName};
use cortex_domain::transition::{self, first_entry};

use simulation::Simulation;

const SEEDS: u64 = 50;
/// Simulations under way at once.
const MAX_CONCURRENT: usize = 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_workers_do_every_job_ends_once_and_its_log_tells_how() {
    let read = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds: Vec<u64> = match read("CORTEX_DRIVER_SEED") {
        Some(seed) => vec![seed],
        None => (1..=read("CORTEX_DRIVER_SEEDS").unwrap_or(SEEDS)).collect(),
    };
    let mut left = seeds.into_iter();
    let mut under_way = tokio::task::JoinSet::new();
    let (mut stale, mut runs) = (0, 0);
    loop {
        while under_way.len() < MAX_CONCURRENT
            && let Some(seed) = left.next()
        {
            under_way.spawn(async move { (seed, tokio::spawn(simulate(seed)).await) });
        }
        let Some(ended) = under_way.join_next().await else { break };
        let (seed, outcome) = ended.unwrap();
        stale += outcome.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        runs += 1;
    }
    println!("{runs} simulations, {stale} stale reports, none applied");
    assert!(runs < 50 || stale > 5 * runs, "the workers were too well behaved: {stale} stale reports");
}

/// Gives how many reports were sent under leases that had ended.
async fn simulate(seed: u64) -> u64 {
    let mut simulation = Simulation::new(seed).await;
    simulation.submit_all().await;
    simulation.run_to_the_end().await;
    for id in simulation.jobs.clone() {
        let job = simulation.store.job(id).await.unwrap().unwrap_or_else(|| panic!("{id} is lost"));
        check(&simulation, &job).await;
    }
    let stale = simulation.stale_reports();
    simulation.end().await;
    stale
}

async fn check(simulation: &Simulation, job: &Job) {
    let id = job.id();
    assert!(job.state.is_terminal(), "{id} has not ended: {:?}", job.state);

    let log = simulation.store.log(id, Version(0)).await.unwrap();
    let mut folded = Job::accepted(job.request.clone(), Durability::Durable, job.memory);
    assert_eq!(log[0], first_entry(&folded));
    for entry in &log[1..] {
        assert_eq!(entry.version, folded.version.next(), "{id}: a gap in the log");
        (folded, _) = transition::apply(folded, &entry.event, entry.at).unwrap();
        assert_eq!(entry.state, folded.state.name());
    }
    assert_eq!(&folded, job, "{id}: the log does not fold to the state");

    let result = simulation.store.get(Pointer::result(job.memory, id)).await.unwrap();
    match &job.state {
        State::Succeeded { .. } => {
            let winner = log.iter().find_map(|entry| match &entry.event {
                Event::Succeeded { lease, .. } => Some(*lease),
                _ => None,
            });
            let expected = faulty_worker::answer(id, winner.unwrap().dispatch);
            assert_eq!(result.unwrap(), expected, "{id}: the result is not the winner's");
        }
        _ => assert!(result.is_none(), "{id} has a result and is {}", job.state.name()),
    }
    assert_ne!(job.state.name(), StateName::Denied);
}
