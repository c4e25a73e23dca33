//! Fills a store with ended and running jobs, and measures what writing and reading it costs.
//!
//! `cargo run --release -p cortex-store --example scale FILE [ended] [running]`
//!
//! `cortex serve all` with `FILE` as `store.db` in its home folder shows what a restart costs.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
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
use cortex_domain::topic::Topic;
use cortex_domain::transition::Change;
use cortex_store::SqliteStore;
use futures::{StreamExt, TryStreamExt, stream};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const TENANTS: u64 = 20;
const CONCURRENT: usize = 256;
/// How many jobs are accepted before the same jobs are taken to their ends.
const CHUNK: u64 = 8192;
const PAGE: usize = 50;
const ROUNDS: usize = 200;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let file: PathBuf = args.next().ok_or("usage: scale FILE [ended] [running]")?.into();
    let ended: u64 = args.next().map_or(Ok(10_000), |text| text.parse())?;
    let running: u64 = args.next().map_or(Ok(1_000), |text| text.parse())?;
    let out = &mut io::stdout().lock();
    writeln!(out, "jobs                 {ended} ended, {running} running, {TENANTS} tenants")?;
    let began = now()?;
    fill(&file, ended, running, out).await?;
    let middle = Timestamp::from_millis(began.as_millis().midpoint(now()?.as_millis()));

    let asked = Instant::now();
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&file)?);
    writeln!(out, "opened in            {}", ms(asked.elapsed()))?;
    lists(&*store, JobId::mint(middle, [0; 10]), out).await?;
    let asked = Instant::now();
    store.counts().await?;
    writeln!(out, "counts               {}", ms(asked.elapsed()))?;
    let asked = Instant::now();
    let (mut open, mut after) = (0, None);
    loop {
        let page = store.open_jobs(after, 256).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id());
        open += page.len();
    }
    writeln!(out, "read {open} open jobs  {}", ms(asked.elapsed()))?;
    let asked = Instant::now();
    store.forget(now()?).await?;
    writeln!(out, "forget what expired  {}", ms(asked.elapsed()))?;
    writeln!(out, "resident             {} MB", resident_mb().map_or("?".into(), |mb| format!("{mb:.0}")))?;
    Ok(())
}

/// Accepts all jobs and takes each to its end or to its run, and reports what that costs.
async fn fill(file: &Path, ended: u64, running: u64, out: &mut impl Write) -> Result<(), Failure> {
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(file)?);
    let jobs = ended + running;
    let (written, processor) = (bytes_written(), processor_time());
    let (mut accepting, mut settling) = (Duration::ZERO, Duration::ZERO);
    for from in (0..jobs).step_by(usize::try_from(CHUNK)?) {
        let began = Instant::now();
        let accepted: Vec<(u64, Job)> = stream::iter(from..(from + CHUNK).min(jobs))
            .map(|n| {
                let store = store.clone();
                async move { Ok::<_, Failure>((n, accept(&*store, n).await?)) }
            })
            .buffer_unordered(CONCURRENT)
            .try_collect()
            .await?;
        accepting += began.elapsed();
        let began = Instant::now();
        stream::iter(accepted.into_iter().map(Ok::<_, Failure>))
            .try_for_each_concurrent(CONCURRENT, |(n, job)| {
                let store = store.clone();
                async move { settle(&*store, job, n < ended).await }
            })
            .await?;
        settling += began.elapsed();
    }
    writeln!(out, "accepted             {:.0} jobs/s", per_second(jobs, accepting))?;
    writeln!(out, "placed, run, settled {:.0} jobs/s", per_second(jobs, settling))?;
    if let Some((before, after)) = processor.zip(processor_time()) {
        writeln!(
            out,
            "processor time       {:.0} us/job",
            (after - before).as_secs_f64() * 1e6 / jobs as f64
        )?;
    }
    if let Some((before, after)) = written.zip(bytes_written()) {
        writeln!(out, "written to disk      {:.0} bytes/job", (after - before) as f64 / jobs as f64)?;
    }
    drop(store);
    let size = std::fs::metadata(file)?.len();
    writeln!(
        out,
        "file                 {:.1} MB, {:.0} bytes/job",
        size as f64 / 1e6,
        size as f64 / jobs as f64
    )?;
    Ok(())
}

/// Times the first page and a page in the middle for each filter.
async fn lists(store: &dyn Store, middle: JobId, out: &mut impl Write) -> Result<(), Failure> {
    let echo: Topic = "job.echo".parse()?;
    let rare: Topic = "job.rare".parse()?;
    let absent: Topic = "job.absent".parse()?;
    let query = |state, topic: Option<&Topic>| Query {
        tenant: tenant(3),
        state,
        topic: topic.cloned(),
        before: None,
        limit: PAGE + 1,
    };
    for (name, query) in [
        ("tenant", query(None, None)),
        ("SUCCEEDED", query(Some(StateName::Succeeded), None)),
        ("RUNNING", query(Some(StateName::Running), None)),
        ("FAILED (none)", query(Some(StateName::Failed), None)),
        ("common topic", query(None, Some(&echo))),
        ("rare topic", query(None, Some(&rare))),
        ("absent topic", query(None, Some(&absent))),
        ("rare, SUCCEEDED", query(Some(StateName::Succeeded), Some(&rare))),
        ("common, RUNNING", query(Some(StateName::Running), Some(&echo))),
        ("common, FAILED", query(Some(StateName::Failed), Some(&echo))),
    ] {
        let first = time_pages(store, &query).await?;
        let later = time_pages(store, &Query { before: Some(middle), ..query }).await?;
        writeln!(out, "list {name:15} {first}; in the middle {later}")?;
    }
    Ok(())
}

async fn time_pages(store: &dyn Store, query: &Query) -> Result<String, Failure> {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let asked = Instant::now();
        store.jobs(query.clone()).await?;
        times.push(asked.elapsed());
    }
    times.sort_unstable();
    Ok(format!("p50 {}, max {}", ms(times[ROUNDS / 2]), ms(times[ROUNDS - 1])))
}

async fn accept(store: &dyn Store, n: u64) -> Result<Job, Failure> {
    match store.accept(submission(n)?).await? {
        Acceptance::New(job) => Ok(job),
        _ => Err("a known job".into()),
    }
}

/// Takes one job to its end, or to its run.
async fn settle(store: &dyn Store, job: Job, ends: bool) -> Result<(), Failure> {
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

fn topic(n: u64) -> &'static str {
    match n / TENANTS {
        n if n % 1000 == 7 => "job.rare",
        n if n % 4 == 1 => "job.embed",
        _ => "job.echo",
    }
}

fn submission(n: u64) -> Result<Submission, Failure> {
    let at = now()?;
    let request = Request::new(
        JobId::mint(at, random()?),
        Owner { tenant: tenant(n % TENANTS), principal: "bench".parse()?, roles: vec!["user".parse()?] },
        topic(n).parse()?,
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

fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

/// Returns how many bytes this process has caused to be written to disks, on Linux.
fn bytes_written() -> Option<u64> {
    number_after(&std::fs::read_to_string("/proc/self/io").ok()?, "\nwrite_bytes:")
}

/// Returns the resident memory of this process, on Linux.
fn resident_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    Some(number_after(&status, "VmRSS:")? as f64 * 1024.0 / 1e6)
}

/// Returns the processor time of this process, on Linux.
fn processor_time() -> Option<Duration> {
    let nanos = std::fs::read_dir("/proc/self/task").ok()?.filter_map(|task| {
        let stat = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        stat.split(' ').next()?.parse::<u64>().ok()
    });
    Some(Duration::from_nanos(nanos.sum()))
}

fn number_after(text: &str, label: &str) -> Option<u64> {
    text.split_once(label)?.1.split_whitespace().next()?.parse().ok()
}
