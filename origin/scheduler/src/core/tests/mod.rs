//! A seeded simulation of the core. The store conflicts and fails. The safety kernel is slow or
//! unreachable. Workers succeed, fail, stop sending heartbeats, and report twice, late or under
//! leases that are not theirs. Callers disconnect, and the scheduler is killed and restarted. With two
//! schedulers, each is also paused, leaves, and gets messages of shares that it no longer owns. The
//! simulation uses no process, thread or file, and time is a number.
//!
//! In every run, each durable job ends, its log folds to its state, its answer comes from the lease
//! that won, each call is answered once, and nothing is left behind. A failing run prints its seed.
//! `CORTEX_SIM_SEED` replays a seed, and `CORTEX_SIM_SEEDS` says how many to run.
#![allow(clippy::print_stdout)]

mod calls;
mod coverage;
mod fixtures;
mod invariants;
mod lapses;
mod notes;
mod orphans;
mod ownership;
mod placing;
mod reset;
mod restart;
mod rng;
mod simulation;
mod store;
mod workers;

use super::Action;
use coverage::Coverage;
use simulation::Simulation;

const SEEDS: u64 = 10_000;
/// Two schedulers take more steps.
const SHARED_SEEDS: u64 = 2000;
const THREADS: usize = 2;

#[test]
fn every_job_ends_once_and_nothing_is_left_behind() {
    simulate_all(1, SEEDS);
}

#[test]
fn two_schedulers_share_the_work_and_every_job_ends_once() {
    simulate_all(2, SHARED_SEEDS);
}

fn simulate_all(schedulers: usize, seeds: u64) {
    let read = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds: Vec<u64> = match read("CORTEX_SIM_SEED") {
        Some(seed) => vec![seed],
        None => (1..=read("CORTEX_SIM_SEEDS").unwrap_or(seeds)).collect(),
    };
    let mut coverage = Coverage::default();
    std::thread::scope(|scope| {
        let parts = seeds.chunks(seeds.len().div_ceil(THREADS));
        let running: Vec<_> = parts.map(|seeds| scope.spawn(move || simulate(seeds, schedulers))).collect();
        for part in running {
            coverage.add(&part.join().unwrap());
        }
    });
    println!("{} simulations of {schedulers}: {coverage:?}", seeds.len());
    if seeds.len() >= 1000 {
        coverage.check(seeds.len(), schedulers);
    }
}

/// Removes the notes from the actions.
fn done<R>(mut actions: Vec<Action<R>>) -> Vec<Action<R>> {
    actions.retain(|action| !matches!(action, Action::Note(_)));
    actions
}

fn simulate(seeds: &[u64], schedulers: usize) -> Coverage {
    let mut coverage = Coverage::default();
    for seed in seeds {
        let outcome = std::panic::catch_unwind(|| Simulation::new(*seed, schedulers).run());
        coverage.add(
            &outcome.unwrap_or_else(|_| panic!("seed {seed} failed: CORTEX_SIM_SEED={seed} replays it")),
        );
    }
    coverage
}
