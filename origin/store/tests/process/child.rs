//! The child process: this test binary, which runs one test that accepts jobs.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cortex_domain::flow::Submission;
use cortex_domain::id::JobId;
use cortex_domain::job::{Limits, Owner, Request};
use cortex_domain::ports::{Acceptance, Jobs};
use cortex_domain::time::Timestamp;
use cortex_store::SqliteStore;

/// The beginning of a line that acknowledges a job.
pub(crate) const ACKNOWLEDGED: &str = "accepted ";

const STORE: &str = "CORTEX_STORE_CHILD";
const JOBS: &str = "CORTEX_STORE_CHILD_JOBS";

/// Returns the command for a process that accepts `jobs` jobs, one at a time, and writes a line for
/// each.
pub(crate) fn command(store: &Path, jobs: usize) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "child::accepts_jobs_and_acknowledges_them", "--ignored", "--nocapture"]);
    command.env(STORE, store).env(JOBS, jobs.to_string());
    command
}

#[tokio::test]
#[ignore = "the other tests run it as a process of its own"]
async fn accepts_jobs_and_acknowledges_them() {
    let store = SqliteStore::open(std::env::var_os(STORE).unwrap()).unwrap();
    let jobs: usize = std::env::var(JOBS).unwrap().parse().unwrap();
    // The test harness has written the beginning of this line.
    writeln!(std::io::stdout()).unwrap();
    for _ in 0..jobs {
        let Acceptance::New(job) = store.accept(submission()).await.unwrap() else { panic!() };
        let line = format!("{ACKNOWLEDGED}{}\n", job.id());
        std::io::stdout().write_all(line.as_bytes()).unwrap();
    }
}

fn submission() -> Submission {
    let mut random = [0; 10];
    getrandom::fill(&mut random).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = Timestamp::from_millis(u64::try_from(now.as_millis()).unwrap());
    let request = Request::new(
        JobId::mint(now, random),
        Owner { tenant: "acme".parse().unwrap(), principal: "ci".parse().unwrap(), roles: vec![] },
        "job.echo".parse().unwrap(),
        Limits { attempts: 3, run: Duration::from_secs(30), deadline: None },
        now,
    );
    Submission { request, input: b"{}".to_vec() }
}
