//! Measures how many durable accepts a second the embedded store does, and compares them with the
//! serial flush rate of the disk.
//!
//! `cargo run --release -p cortex-store --example accepts [clients] [seconds] [folder]`

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cortex_domain::flow::Submission;
use cortex_domain::id::JobId;
use cortex_domain::job::{Limits, Owner, Request};
use cortex_domain::ports::{Acceptance, Store};
use cortex_domain::time::Timestamp;
use cortex_store::SqliteStore;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let clients: usize = args.next().map_or(Ok(64), |text| text.parse())?;
    let seconds = Duration::from_secs(args.next().map_or(Ok(5), |text| text.parse())?);
    let folder = match args.next() {
        Some(parent) => tempfile::tempdir_in(parent)?,
        None => tempfile::tempdir()?,
    };
    let out = &mut io::stdout().lock();

    let before = flush_rate(folder.path(), seconds / 5)?;
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(folder.path().join("jobs.db"))?);
    let started = Instant::now();
    let tasks: Vec<_> =
        (0..clients).map(|_| tokio::spawn(client(store.clone(), started + seconds))).collect();
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await??);
    }
    let rate = waits.len() as f64 / started.elapsed().as_secs_f64();
    drop(store);
    let after = flush_rate(folder.path(), seconds / 5)?;

    waits.sort_unstable();
    let at = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    let flushes = f64::midpoint(before, after);
    writeln!(out, "clients            {clients}")?;
    writeln!(out, "accepts/s          {rate:.0}")?;
    writeln!(out, "p50, p99, max      {:.2} ms, {:.2} ms, {:.2} ms", at(0.5), at(0.99), at(1.0))?;
    writeln!(out, "serial fdatasync/s {before:.0} before, {after:.0} after")?;
    writeln!(out, "accepts/fdatasync  {:.1}", rate / flushes)?;
    Ok(())
}

/// Accepts one job after another until `end`. Returns how long each took.
async fn client(store: Arc<dyn Store>, end: Instant) -> Result<Vec<Duration>, Failure> {
    let mut waits = Vec::new();
    while Instant::now() < end {
        let submission = submission()?;
        let asked = Instant::now();
        match store.accept(submission).await? {
            Acceptance::New(_) => waits.push(asked.elapsed()),
            other => return Err(format!("a new job was taken for {other:?}").into()),
        }
    }
    Ok(waits)
}

fn submission() -> Result<Submission, Failure> {
    let mut random = [0; 10];
    getrandom::fill(&mut random)?;
    let now =
        Timestamp::from_millis(u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?);
    let request = Request::new(
        JobId::mint(now, random),
        Owner { tenant: "acme".parse()?, principal: "bench".parse()?, roles: vec!["user".parse()?] },
        "job.echo".parse()?,
        Limits { attempts: 3, run: Duration::from_secs(60), deadline: None },
        now,
    );
    Ok(Submission { request, input: vec![b'x'; 512] })
}

/// Appends and flushes 4 KiB at a time, as a database without group commit would.
fn flush_rate(folder: &Path, during: Duration) -> io::Result<f64> {
    let mut file = File::create(folder.join("flushes"))?;
    let started = Instant::now();
    let mut flushes = 0;
    while started.elapsed() < during {
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
        flushes += 1;
    }
    Ok(f64::from(flushes) / started.elapsed().as_secs_f64())
}
