//! Measures round trips of jobs to an echo worker process over the link. Each runs from one packet
//! on the bus to the other.
//!
//! `cargo run --release -p cortex-runtime --example link_echo`

#[path = "../src/tests/linked/assignment.rs"]
#[expect(clippy::unwrap_used, reason = "shared with the tests")]
mod assignment;

use std::collections::BTreeMap;
use std::error::Error;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cortex_bus::Embedded;
use cortex_bus::payload::{InMemory, Reach, TieredPayloads};
use cortex_domain::flow::End;
use cortex_domain::id::{DispatchId, WorkerId};
use cortex_domain::ports::{Bus, Delivery, Payloads, Subscription};
use cortex_domain::share::Share;
use cortex_domain::subject::{Filter, Subject};
use cortex_link::{Dial, Identity, Limits, LinkAddress, Listener, Server, Tokens, open};
use cortex_runtime::echo::Echo;
use cortex_runtime::{Settings, Worker};
use cortex_wire::{decode_outcome, encode_assignment};
use tokio_util::sync::CancellationToken;

const SECONDS: u64 = 3;
const TOKEN: &str = "measured";

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().collect();
    match &arguments[1..] {
        [role, address, fingerprint] if role == "worker" => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(work(address, fingerprint))
        }
        _ => tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?
            .block_on(async { tokio::spawn(measure_all()).await?.map_err(Into::into) }),
    }
}

async fn work(address: &str, fingerprint: &str) -> Outcome<()> {
    let settings = Settings {
        id: "w1".parse()?,
        capacity: Some(64),
        grace: Duration::ZERO,
        answer: 1 << 24,
        region: None,
        labels: BTreeMap::new(),
    };
    let worker = Worker::new(settings, Arc::new(Echo));
    let route = address.parse::<LinkAddress>()?.route(Some(fingerprint.parse()?))?;
    let dial = Dial { route, token: TOKEN.to_owned(), limits: Limits::default() };
    let (origin, inbox) = open(dial, worker.introduction());
    Ok(worker.run(origin, inbox, CancellationToken::new()).await?)
}

async fn measure_all() -> Result<(), String> {
    let folder = std::env::temp_dir().join(format!("link-echo-{}", std::process::id()));
    for address in [LinkAddress::Unix(folder.join("link")), "tcp:127.0.0.1:0".parse().expect("an address")] {
        measure(&address).await.map_err(|error| error.to_string())?;
    }
    std::fs::remove_dir_all(folder).map_err(|error| error.to_string())
}

async fn measure(address: &LinkAddress) -> Outcome<()> {
    let bus = Embedded::default();
    let memory = Arc::new(TieredPayloads::new(Arc::new(InMemory::default()), 1 << 28, Reach::Process));
    let identity = Identity::generate()?;
    let listener = Listener::bind(address, &identity).await?;
    let address = listener.address().clone();
    let tokens = Tokens::default();
    tokens.admit_text("measured".parse()?, ["echo".parse()?], TOKEN);
    let server = Server::new(Arc::new(bus.clone()), memory.clone(), tokens, Limits::default());
    let shutdown = CancellationToken::new();
    let until = shutdown.clone();
    let serving = tokio::spawn(async move { server.serve(listener, until).await });
    let mut heartbeats = bus.subscribe(Filter::HEARTBEATS).await?;
    let mut results = bus.consume(Subject::result(Share::FIRST)).await?;
    let mut worker = Command::new(std::env::current_exe()?)
        .args(["worker", &address.to_string(), &identity.fingerprint().to_string()])
        .stdin(Stdio::null())
        .spawn()?;
    heartbeats.next().await.ok_or("no worker")?;

    for (clients, bytes) in [(1, 100), (1, 100_000), (32, 100)] {
        let here = cpu(std::process::id())?;
        let there = cpu(worker.id())?;
        let mut waits = rounds(&bus, &memory, results.as_mut(), clients, bytes).await?;
        let count = waits.len();
        waits.sort();
        let each = |before: Duration, after: Duration| (after - before).as_micros() / count as u128;
        let line = format!(
            "{address} clients={clients} bytes={bytes}: {}/s, p50 {} us, p99 {} us, cpu per round trip: origin {} us, worker {} us",
            count as u64 / SECONDS,
            waits[count / 2].as_micros(),
            waits[count * 99 / 100].as_micros(),
            each(here, cpu(std::process::id())?),
            each(there, cpu(worker.id())?),
        );
        #[expect(clippy::print_stdout, reason = "the example prints its result")]
        {
            println!("{line}");
        }
    }
    worker.kill()?;
    worker.wait()?;
    shutdown.cancel();
    Ok(serving.await??)
}

/// Returns how long each round trip took.
async fn rounds(
    bus: &Embedded,
    memory: &TieredPayloads,
    results: &mut dyn Subscription<Delivery>,
    clients: usize,
    bytes: usize,
) -> Outcome<Vec<Duration>> {
    let worker: WorkerId = "w1".parse()?;
    let input = Bytes::from(format!("\"{}\"", "x".repeat(bytes)));
    let mut waits = Vec::new();
    let mut under_way: BTreeMap<[u8; 16], Instant> = BTreeMap::new();
    let end = Instant::now() + Duration::from_secs(SECONDS);
    while Instant::now() < end || !under_way.is_empty() {
        while under_way.len() < clients && Instant::now() < end {
            let assignment = assignment::assignment(&worker);
            under_way.insert(key(assignment.lease().dispatch), Instant::now());
            memory.open(assignment.job(), &assignment.request().owner.tenant);
            memory.put(assignment.context(), input.clone()).await?;
            let bus = bus.clone();
            tokio::spawn(async move {
                let packet = encode_assignment(&assignment);
                bus.request(Subject::of(&assignment), packet, Duration::from_secs(10)).await
            });
        }
        let Delivery { body, receipt } = results.next().await.ok_or("the bus is closed")?;
        receipt.ack();
        let outcome = decode_outcome(&body)?;
        if !matches!(outcome.end, End::Succeeded { .. }) {
            return Err(format!("{:?}", outcome.end).into());
        }
        memory.close(outcome.job);
        let began = under_way.remove(&key(outcome.lease.dispatch)).ok_or("an unknown lease")?;
        waits.push(began.elapsed());
    }
    Ok(waits)
}

fn key(dispatch: DispatchId) -> [u8; 16] {
    *dispatch.as_bytes()
}

/// Returns the processor time that a process has used, in user and system mode.
fn cpu(pid: u32) -> Outcome<Duration> {
    let mut total = Duration::ZERO;
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let schedstat = std::fs::read_to_string(task?.path().join("schedstat"))?;
        let nanos = schedstat.split(' ').next().ok_or("no time")?.parse()?;
        total += Duration::from_nanos(nanos);
    }
    Ok(total)
}
