//! The whole stack: the real Worker in workerd, the origin and its workers.

use cortex_tests::edge::Edge;
use cortex_tests::origin::{Origin, Setup};
use cortex_tests::stack::Stack;

use crate::dice::Dice;
use crate::load::{self, Load};

/// Few: a start of an origin with its workers takes most of a cycle.
const CYCLES: u64 = 9;

#[derive(Debug, Clone, Copy)]
enum Role {
    Edge,
    Origin,
    Worker,
}

const ROLES: [Role; 3] = [Role::Edge, Role::Origin, Role::Worker];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_job_accepted_at_the_edge_is_lost_whatever_is_killed() {
    let (mut dice, cycles) = Dice::of(CYCLES);
    let stack = Stack::start(Setup { workers: "echo=2".into(), ..Setup::echo() }).await;
    let Stack { home, setup, mut origin, mut edge, api } = stack;
    let load = Load::start(&api);

    let (mut hand, mut workers) = (Vec::new(), 0);
    for _ in 0..cycles {
        dice.moment().await;
        match dice.deal(&ROLES, &mut hand) {
            Role::Edge => {
                let setup = edge.kill();
                edge = Edge::start(home.path(), &setup).await;
            }
            Role::Origin => {
                origin.kill();
                // Callers go on while there is none: what they are promised lies in the ledger.
                dice.moment().await;
                origin = Origin::start(&home, &setup).await;
            }
            Role::Worker => workers += u64::from(origin.kill_worker(dice.below(2)).await),
        }
    }
    let accepted = load.stop().await;

    load::all_end(&api, &accepted).await;
    println!("{} jobs were accepted, {workers} workers were killed, none lost", accepted.len());
    assert!(accepted.len() as u64 > cycles, "there was no load: {} jobs", accepted.len());
    drop(edge);
    origin.stop();
}
