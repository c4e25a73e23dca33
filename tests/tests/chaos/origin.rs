//! The origin and its workers.

use cortex_tests::home::Home;
use cortex_tests::origin::{Origin, Setup};

use crate::load::{self, Load};
use crate::rng::Rng;

const CYCLES: u64 = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_accepted_job_is_lost_when_processes_are_killed() {
    let (mut rng, cycles) = Rng::of(CYCLES);
    let home = Home::new();
    let setup = Setup { workers: "echo=2".into(), ..Setup::echo() }.with_short_leases(&home);
    let mut origin = Origin::start(&home, &setup).await;
    let load = Load::start(&origin.api);

    let (mut origins, mut workers) = (0, 0);
    for _ in 0..cycles {
        rng.work_for_a_moment().await;
        if rng.below(3) == 0 {
            origin.kill();
            origin = Origin::start(&home, &setup).await;
            origins += 1;
        } else {
            workers += u64::from(origin.kill_worker(rng.below(2)).await);
        }
    }
    let accepted = load.stop().await;

    load::all_end(&origin.api, &accepted).await;
    let killed = format!("{origins} origins and {workers} workers were killed");
    println!("{} jobs were accepted, {killed}, none lost", accepted.len());
    assert!(accepted.len() as u64 > cycles, "there was no load: {} jobs", accepted.len());
    origin.stop();
}
