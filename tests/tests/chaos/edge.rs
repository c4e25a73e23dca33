//! The whole stack: the real Worker in workerd, the origin and its workers.

use cortex_tests::edge::Edge;
use cortex_tests::origin::{Origin, Setup};
use cortex_tests::stack::Stack;

use crate::load::{self, Load};
use crate::rng::Rng;

/// The number is small, because a start of an origin with its workers takes most of a cycle.
const CYCLES: u64 = 9;

#[derive(Debug, Clone, Copy)]
enum Role {
    Edge,
    Origin,
    Worker,
}

const ROLES: [Role; 3] = [Role::Edge, Role::Origin, Role::Worker];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_job_accepted_at_the_edge_is_lost_when_processes_are_killed() {
    let (mut rng, cycles) = Rng::of(CYCLES);
    let stack = Stack::start(Setup { workers: "echo=2".into(), ..Setup::echo() }).await;
    let Stack { home, setup, mut origin, mut edge, api } = stack;
    let load = Load::start(&api);

    let (mut left, mut workers) = (Vec::new(), 0);
    for _ in 0..cycles {
        rng.work_for_a_moment().await;
        match rng.draw(&ROLES, &mut left) {
            Role::Edge => {
                let setup = edge.kill();
                edge = Edge::start(home.path(), &setup).await;
            }
            Role::Origin => {
                origin.kill();
                // Callers continue while the origin is down, because the ledger holds their jobs.
                rng.work_for_a_moment().await;
                origin = Origin::start(&home, &setup).await;
            }
            Role::Worker => workers += u64::from(origin.kill_worker(rng.below(2)).await),
        }
    }
    let accepted = load.stop().await;

    load::all_end(&api, &accepted).await;
    println!("{} jobs were accepted, {workers} workers were killed, none lost", accepted.len());
    assert!(accepted.len() as u64 > cycles, "there was no load: {} jobs", accepted.len());
    drop(edge);
    origin.stop();
}
