//! Everything at once, for a while: `CORTEX_LOAD_SECONDS`, 15 if it isn't said.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::company::any;
use super::random::Random;
use super::{SETTINGS, engine, read, settled, tiny};

const CONCURRENT: usize = 24;
/// What the memory of the process may grow by once it has warmed up.
const GROWTH: usize = 16 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_mixed_load_with_cancels_memory_stays_flat_and_nothing_leaks() {
    let seconds = std::env::var("CORTEX_LOAD_SECONDS").ok().and_then(|text| text.parse().ok());
    let lasts = Duration::from_secs(seconds.unwrap_or(15));
    let engine = engine(&tiny::model(), SETTINGS, |_| ());
    let room = Arc::new(Semaphore::new(CONCURRENT));
    let mut random = Random(3);
    let (start, mut warm, mut requests) = (Instant::now(), None, 0);
    while start.elapsed() < lasts {
        let place = room.clone().acquire_owned().await.unwrap();
        let mut request = any(&mut random);
        if random.below(8) == 0 {
            request.deadline = Some(Instant::now() + Duration::from_millis(random.below(20) as u64));
        }
        let (leaves, after) = (random.below(4), random.below(30));
        let engine = engine.clone();
        tokio::spawn(async move {
            let (cancel, choices) = (request.cancel.clone(), request.choices as usize);
            let mut events = engine.submit(request).await.expect("there is room");
            match leaves {
                0 => {
                    for _ in 0..after {
                        events.recv().await;
                    }
                }
                1 => {
                    for _ in 0..after {
                        events.recv().await;
                    }
                    cancel.cancel();
                    read(events, choices).await;
                }
                _ => drop(read(events, choices).await),
            }
            drop(place);
        });
        requests += 1;
        if warm.is_none() && start.elapsed() > lasts / 3 {
            warm = Some(resident());
        }
    }
    let all = room.acquire_many(CONCURRENT as u32).await.unwrap();
    settled(&engine).await;
    drop(all);
    let (warm, end) = (warm.expect("it warmed up"), resident());
    assert!(requests > 50);
    assert!(end < warm + GROWTH, "{requests} requests took memory from {warm} to {end} bytes");
}

/// Bytes of the process that are in memory, where the system tells.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}
