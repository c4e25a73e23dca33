//! Fills a store with ended and running jobs, and measures what reading it costs.
//!
//! `cargo run --release -p cortex-store --example scale FILE [ended] [running]`
//!
//! `cortex serve all` with `FILE` as `store.db` in its home folder shows what a restart costs.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cortex_domain::event::{Event, Timings};
use cortex_domain::flow::Submission;
use cortex_domain::id::{DispatchId, JobId, Tenant};
use cortex_domain::job::{Job, Limits, Owner, Request};
use cortex_domain::pointer::Pointer;
use cortex_domain::ports::{Acceptance, Query, Store};
use cortex_domain::state::{Lease, StateName, Target};
use cortex_domain::time::Timestamp;
use cortex_domain::transition::Change;
use cortex_store::SqliteStore;
use futures::{TryStreamExt, stream};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const TENANTS: u64 = 20;
const CONCURRENT: usize = 256;
const PAGE: usize = 50;
const ROUNDS: usize = 200;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let file: PathBuf = args.next().ok_or("usage: scale FILE [ended] [running]")?.into();
    let ended: u64 = args.next().map_or(Ok(10_000), |text| text.parse())?;
    let running: u64 = args.next().map_or(Ok(1_000), |text| text.parse())?;
    let out = &mut io::stdout().lock();

    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&file)?);
    let started = Instant::now();
    stream::iter((0..ended + running).map(Ok::<_, Failure>))
        .try_for_each_concurrent(CONCURRENT, |n| {
            let store = store.clone();
            async move { live(&*store, n, n < ended).await }
        })
        .await?;
    let took = started.elapsed();
    writeln!(out, "jobs                 {ended} ended, {running} running, {TENANTS} tenants")?;
    writeln!(
        out,
        "filled in            {:.1} s, {:.0} jobs/s",
        took.as_secs_f64(),
        per_second(ended + running, took)
    )?;
    writeln!(out, "file                 {:.0} MB", std::fs::metadata(&file)?.len() as f64 / 1e6)?;

    let query = |state| Query { tenant: tenant(3), state, topic: None, before: None, limit: PAGE };
    for (name, query) in [
        ("list by tenant", query(None)),
        ("list by state", query(Some(StateName::Succeeded))),
        ("list running", query(Some(StateName::Running))),
        ("list failed (none)", query(Some(StateName::Failed))),
        ("list another topic", Query { topic: Some("job.embed".parse()?), ..query(None) }),
    ] {
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            let asked = Instant::now();
            store.jobs(query.clone()).await?;
            times.push(asked.elapsed());
        }
        times.sort_unstable();
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        writeln!(out, "{name:20} p50 {:.2} ms, max {:.2} ms", ms(times[ROUNDS / 2]), ms(times[ROUNDS - 1]))?;
    }
    let asked = Instant::now();
    store.counts().await?;
    writeln!(out, "counts               {:.0} ms", asked.elapsed().as_secs_f64() * 1e3)?;
    let asked = Instant::now();
    let (mut open, mut after) = (0, None);
    loop {
        let page = store.open_jobs(after, 1000).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id());
        open += page.len();
    }
    writeln!(out, "read {open} open jobs  {:.0} ms", asked.elapsed().as_secs_f64() * 1e3)?;
    let asked = Instant::now();
    store.forget(now()?).await?;
    writeln!(out, "forget (nothing old) {:.0} ms", asked.elapsed().as_secs_f64() * 1e3)?;
    Ok(())
}

/// Takes one job to its end, or to its run.
async fn live(store: &dyn Store, n: u64, ends: bool) -> Result<(), Failure> {
    let Acceptance::New(job) = store.accept(submission(n)?).await? else { return Err("a known job".into()) };
    let lease = Lease { attempt: job.attempt.next(), dispatch: DispatchId::new(random()?) };
    let worker = "worker-1".parse()?;
    let change = Change::of(job)
        .then(Event::Scheduled { lease, target: Target::Worker("worker-1".parse()?) }, now()?)?;
    let job = store.commit(change).await?;
    let change = change_to(job.clone(), Event::Started { lease, worker }, now()?)?;
    let job = store.commit(change).await?;
    if ends {
        store.put(Pointer::draft(job.memory, job.id(), lease.dispatch), vec![b'y'; 512].into()).await?;
        store
            .commit(change_to(job, Event::Succeeded { lease, timings: Timings::default() }, now()?)?)
            .await?;
    }
    Ok(())
}

fn change_to(job: Job, event: Event, at: Timestamp) -> Result<Change, Failure> {
    Ok(Change::of(job).reported(event, None, at)?)
}

fn tenant(n: u64) -> Tenant {
    format!("tenant-{n}").parse().expect("a tenant's name")
}

fn submission(n: u64) -> Result<Submission, Failure> {
    let at = now()?;
    let request = Request::new(
        JobId::mint(at, random()?),
        Owner { tenant: tenant(n % TENANTS), principal: "bench".parse()?, roles: vec!["user".parse()?] },
        "job.echo".parse()?,
        Limits { attempts: 3, run: Duration::from_secs(600), deadline: None },
        at,
    );
    Ok(Submission { request, input: vec![b'x'; 512] })
}

fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

fn now() -> Result<Timestamp, Failure> {
    Ok(Timestamp::from_millis(u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?))
}

fn per_second(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}
