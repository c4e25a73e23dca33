//! All kinds of requests at once, for `CORTEX_LOAD_SECONDS` seconds, 15 by default.

#![allow(clippy::print_stderr)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::batching::any;
use super::random::Random;
use super::{SETTINGS, engine, read, settled, tiny};
use crate::language::{Engine, Request};

const CONCURRENT: usize = 24;
/// How much the process's memory may grow after the warm-up.
const GROWTH: usize = 16 << 20;

/// What a client does with its request.
#[derive(Clone, Copy)]
enum ClientAction {
    Leave { after: usize },
    Cancel { after: usize },
    Read,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_mixed_load_with_cancels_memory_stays_flat_and_nothing_leaks() {
    let seconds = std::env::var("CORTEX_LOAD_SECONDS").map_or(15, |seconds| seconds.parse().unwrap());
    let lasts = Duration::from_secs(seconds);
    let engine = engine(&tiny::model(), SETTINGS, |_| ());
    let room = Arc::new(Semaphore::new(CONCURRENT));
    let mut random = Random(3);
    let mut clients = JoinSet::new();
    let (start, mut warm) = (Instant::now(), None);
    let (mut requests, mut left, mut cancelled, mut late) = (0, 0, 0, 0);
    while start.elapsed() < lasts {
        let place = room.clone().acquire_owned().await.unwrap();
        while let Some(client) = clients.try_join_next() {
            client.unwrap();
        }
        let mut request = any(&mut random);
        requests += 1;
        if random.below(8) == 0 {
            request.deadline = Some(Instant::now() + Duration::from_millis(random.below(20) as u64));
            late += 1;
        }
        let (kind, after) = (random.below(4), random.below(30));
        let action = match kind {
            0 => ClientAction::Leave { after },
            1 => ClientAction::Cancel { after },
            _ => ClientAction::Read,
        };
        left += u32::from(kind == 0);
        cancelled += u32::from(kind == 1);
        let engine = engine.clone();
        clients.spawn(async move {
            ask(&engine, request, action).await;
            drop(place);
        });
        if warm.is_none() && start.elapsed() > lasts / 3 {
            warm = Some(resident());
        }
    }
    clients.join_all().await;
    settled(&engine).await;
    let (warm, end) = (warm.expect("it warmed up"), resident());
    eprintln!(
        "{seconds} s: {requests} requests, {left} left, {cancelled} cancelled, {late} with a deadline of at most 20 ms; \
         resident {} KiB after a third, {} KiB at the end",
        warm >> 10,
        end >> 10
    );
    assert!(requests > 50);
    assert!(end < warm + GROWTH, "{requests} requests took memory from {warm} to {end} bytes");
}

async fn ask(engine: &Engine, request: Request, action: ClientAction) {
    let (cancel, choices) = (request.cancel.clone(), request.choices as usize);
    let mut events = engine.submit(request).await.expect("there is room");
    if let ClientAction::Leave { after } | ClientAction::Cancel { after } = action {
        for _ in 0..after {
            events.recv().await;
        }
    }
    match action {
        ClientAction::Leave { .. } => {}
        ClientAction::Cancel { .. } => {
            cancel.cancel();
            read(events, choices).await;
        }
        ClientAction::Read => drop(read(events, choices).await),
    }
}

/// Returns how many bytes of the process are in memory, if the system reports it.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}
