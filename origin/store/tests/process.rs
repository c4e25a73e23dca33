//! A process that accepts jobs and prints acknowledgements. Acknowledged jobs survive its kill, and
//! it prints nothing before the flush.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

#[path = "process/child.rs"]
mod child;
#[cfg(target_os = "linux")]
#[path = "process/trace.rs"]
mod trace;

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use cortex_domain::id::JobId;
use cortex_domain::ports::{Jobs, Payloads};
use cortex_store::SqliteStore;
use tempfile::TempDir;

use child::ACKNOWLEDGED;

/// The default number of kills. `CORTEX_STORE_KILLS` sets another.
const KILLS: usize = 8;

#[tokio::test]
async fn every_job_that_was_acknowledged_before_a_kill_is_there() {
    let kills = std::env::var("CORTEX_STORE_KILLS").map_or(KILLS, |text| text.parse().unwrap());
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("jobs.db");
    let mut acknowledged: Vec<JobId> = Vec::new();
    for kill in 0..kills {
        let mut child = child::command(&path, usize::MAX).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut ids = lines.filter_map(|line| line.strip_prefix(ACKNOWLEDGED)?.parse::<JobId>().ok());
        // A different moment each time, from the first job to a few hundred later.
        acknowledged.extend(ids.by_ref().take(1 + kill * 67 % 300));
        child.kill().unwrap();
        child.wait().unwrap();
        // Lines that were printed but not read yet count too.
        acknowledged.extend(ids);

        let store = SqliteStore::open(&path).unwrap();
        for id in &acknowledged {
            let job = store.job(*id).await.unwrap().unwrap_or_else(|| panic!("kill {kill}: {id} is lost"));
            assert!(store.get(job.context()).await.unwrap().is_some(), "kill {kill}: the input of {id}");
        }
    }
    assert!(acknowledged.len() > kills);
}

#[cfg(target_os = "linux")]
#[test]
fn an_acknowledgement_is_written_after_the_flush_of_its_log() {
    let folder = TempDir::new().unwrap();
    let jobs = 20;
    let child = child::command(&folder.path().join("jobs.db"), jobs);
    let calls = trace::calls(child, &folder.path().join("calls"));
    assert_eq!(trace::acknowledgements_after_their_flush(&calls), jobs);
}
