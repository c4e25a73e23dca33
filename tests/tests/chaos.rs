//! No accepted job is lost, whatever is killed: `kill -9` of the origin or a worker under load, again and
//! again. A run prints its seed and `CORTEX_CHAOS_SEED` replays its choices; `CORTEX_CHAOS_CYCLES` sets how
//! long it goes on.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use cortex_tests::api::Api;
use cortex_tests::home::Home;
use cortex_tests::origin::{Origin, Setup};
use cortex_tests::process;
use reqwest::Method;
use serde_json::json;
use tokio::sync::Mutex;

const CYCLES: u64 = 50;
/// Callers that submit as fast as they are answered.
const CALLERS: usize = 4;
/// Pause of a caller between two jobs, so that the backlog stays within what two cores can do.
const PACE: Duration = Duration::from_millis(25);
const SOON: Duration = Duration::from_secs(120);

/// Ids that were answered with 202, and the input of each.
type Accepted = Arc<Mutex<BTreeMap<String, u64>>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_accepted_job_is_lost_whatever_is_killed() {
    let read = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let seed = read("CORTEX_CHAOS_SEED").unwrap_or(u64::from(now.subsec_nanos()) | 1);
    let cycles = read("CORTEX_CHAOS_CYCLES").unwrap_or(CYCLES);
    println!("CORTEX_CHAOS_SEED={seed}, {cycles} cycles");
    let mut dice = seed;
    let mut below = move |bound: u64| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        dice % bound
    };

    let home = Home::new();
    let setup = Setup { workers: "echo=2".into(), ..Setup::echo() }.with_short_leases(&home);
    let mut origin = Origin::start(&home, &setup).await;
    let (accepted, stop) = (Accepted::default(), Arc::new(AtomicBool::new(false)));
    let callers: Vec<_> = (0..CALLERS)
        .map(|n| tokio::spawn(submit(origin.api.clone(), n as u64, accepted.clone(), stop.clone())))
        .collect();

    let (mut origins, mut workers) = (0, 0);
    for _ in 0..cycles {
        // A moment of work, whose length the dice choose, is the point of this test.
        tokio::time::sleep(Duration::from_millis(50 + below(400))).await;
        if below(3) == 0 {
            origin.kill();
            origin = Origin::start(&home, &setup).await;
            origins += 1;
        } else if let Some((_, pid)) = origin.workers().await.get(usize::try_from(below(2)).unwrap())
            && process::alive(*pid)
        {
            process::kill(*pid);
            workers += 1;
        }
    }
    stop.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.unwrap();
    }

    let accepted = accepted.lock().await.clone();
    for (id, input) in &accepted {
        let job = origin.api.ended(id, SOON).await;
        let state = job["state"].as_str().unwrap();
        // Only who was killed three times over under the same job may have used up its attempts.
        assert!(state == "SUCCEEDED" || (state == "TIMEOUT" && job["attempt"] == 3), "{job}");
        if state == "SUCCEEDED" {
            assert_eq!(job["result"]["n"], *input, "{job}");
        }
    }
    let killed = format!("{origins} origins and {workers} workers were killed");
    println!("{} jobs were accepted, {killed}, none lost", accepted.len());
    assert!(accepted.len() as u64 > cycles, "there was no load: {} jobs", accepted.len());
    origin.stop();
}

async fn submit(api: Api, caller: u64, accepted: Accepted, stop: Arc<AtomicBool>) {
    let mut n = caller << 32;
    while !stop.load(Ordering::Relaxed) {
        n += 1;
        let body = json!({"topic": "job.echo", "input": {"n": n, "delay_ms": n % 50}});
        let answer = api.request(Method::POST, "/api/v1/jobs").json(&body).send().await;
        if let Ok(answer) = answer
            && answer.status() == 202
            && let Ok(job) = answer.json::<serde_json::Value>().await
        {
            accepted.lock().await.insert(job["id"].as_str().unwrap().to_owned(), n);
        }
        tokio::time::sleep(PACE).await;
    }
}
