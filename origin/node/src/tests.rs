//! A seeded simulation of the scheduler with its driver, over the real store and bus. Its workers
//! succeed, fail or stop responding. They report twice, late, out of order or under leases of
//! others. The scheduler is stopped and restarted. Every accepted job must end once, its log must
//! fold to its state, and its result must come from the winning lease.
//!
//! A failing run prints its seed. `CORTEX_DRIVER_SEED` repeats it, and `CORTEX_DRIVER_SEEDS` sets
//! the number of runs. The scheduler's own tests simulate its rules alone, many more times.
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
/// Maximum number of simulations that run at the same time.
const MAX_CONCURRENT: usize = 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_job_ends_once_and_its_log_explains_the_end() {
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
    assert!(runs < 50 || stale > 5 * runs, "too few stale reports: {stale} stale reports");
}

/// Returns how many reports were sent under ended leases.
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
