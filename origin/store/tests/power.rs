//! Acknowledged data survives a power cut, and data that a full or failing disk rejected is never
//! acknowledged.
//!
//! The disk is simulated below SQLite. A power cut loses any part of what was not flushed.
//! `CORTEX_POWER_CUTS` sets the number of cuts, which is five by default.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

#[path = "power/clients.rs"]
mod clients;
#[path = "power/disk.rs"]
mod disk;
#[path = "power/vfs.rs"]
mod vfs;

use std::path::Path;
use std::sync::Arc;

use cortex_domain::job::{Durability, Job, Version};
use cortex_domain::pointer::Pointer;
use cortex_domain::ports::{Acceptance, CommitError, Sequence, Store, StoreError};
use cortex_domain::state::StateName;
use cortex_store::SqliteStore;
use rusqlite::Connection;
use tempfile::TempDir;

use clients::{Clients, submission};
use disk::{DiskFault, Loss, Rng};

const STORE_FILE: &str = "jobs.db";

fn open(folder: &Path) -> Arc<dyn Store> {
    Arc::new(SqliteStore::open(folder.join(STORE_FILE)).unwrap())
}

/// Returns the content of a folder's disk after a power cut.
fn cut(folder: &Path, loss: Loss) -> TempDir {
    let after = TempDir::new().unwrap();
    disk::cut(folder, after.path(), loss);
    let check = Connection::open(after.path().join(STORE_FILE)).unwrap();
    let verdict: String = check.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
    after
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_step_survives_a_power_cut() {
    vfs::install();
    let cuts = std::env::var("CORTEX_POWER_CUTS").map_or(5, |text| text.parse().unwrap());
    for seed in 1..=cuts {
        let rng = Rng::new(seed);
        let folder = TempDir::new().unwrap();
        let clients = Clients::start(open(folder.path()));
        let acknowledged = clients.acknowledged(50 + rng.below(500)).await;
        let after = cut(folder.path(), Loss::Some(rng));
        clients.stop().await;

        let store = open(after.path());
        for (id, version) in acknowledged {
            let job = store.job(id).await.unwrap();
            let job = job.unwrap_or_else(|| panic!("seed {seed}: {id} is lost"));
            assert!(job.version >= version, "seed {seed}: {id} fell back to {:?}", job.version);
            let log = store.log(id, Version(0)).await.unwrap();
            assert_eq!(log.len() as u64, job.version.0, "seed {seed}: the log of {id}");
            assert!(store.get(job.context()).await.unwrap().is_some(), "seed {seed}: the input of {id}");
            let result = store.get(Pointer::result(job.memory, id)).await.unwrap();
            assert_eq!(result.is_some(), job.state.name() == StateName::Succeeded, "seed {seed}: {id}");
        }
        drop(store);
        disk::forget([folder.path(), after.path()]);
    }
}

#[tokio::test]
async fn a_failing_flush_is_not_acknowledged_and_the_store_recovers() {
    nothing_is_acknowledged_during(DiskFault::Flush).await;
}

#[tokio::test]
async fn a_full_disk_acknowledges_nothing_and_the_store_recovers() {
    nothing_is_acknowledged_during(DiskFault::Full).await;
}

async fn nothing_is_acknowledged_during(fault: DiskFault) {
    vfs::install();
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let [before, during, after] = [submission(1), submission(2), submission(3)];
    assert!(matches!(store.accept(before.clone()).await, Ok(Acceptance::New(_))));
    let change = clients::scheduled(&store.job(before.request.id).await.unwrap().unwrap());

    disk::set_fault(folder.path(), Some(fault));
    for _ in 0..3 {
        let both = tokio::join!(store.accept(during.clone()), store.commit(change.clone()));
        assert!(matches!(both, (Err(StoreError::Broken(_)), Err(CommitError::Store(_)))), "{both:?}");
    }
    assert_eq!(store.job(during.request.id).await.unwrap(), None);

    disk::set_fault(folder.path(), None);
    assert!(matches!(store.accept(during.clone()).await, Ok(Acceptance::New(_))));
    assert!(matches!(store.accept(after.clone()).await, Ok(Acceptance::New(_))));
    store.commit(change).await.unwrap();

    let image = cut(folder.path(), Loss::All);
    let store = open(image.path());
    for (submission, version) in [(before, 2), (during, 1), (after, 1)] {
        assert_eq!(store.job(submission.request.id).await.unwrap().unwrap().version, Version(version));
    }
}

/// An entry without a waiting caller is written once the disk works again. An entry that was
/// rejected meanwhile never is.
#[tokio::test]
async fn an_audit_entry_survives_a_failed_group() {
    vfs::install();
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let job = |n| Job::accepted(submission(n).request, Durability::Ephemeral, store.memory());
    let (taken, refused) = (clients::denied(&job(1)), clients::denied(&job(2)));
    disk::set_fault(folder.path(), Some(DiskFault::Flush));
    store.append(vec![taken.clone()], None).await.unwrap();
    // The next group fails too, and the first one with it if it was not written before.
    assert!(store.accept(submission(3)).await.is_err());
    for _ in 0..3 {
        let failed = store.append(vec![refused.clone()], None).await;
        assert!(matches!(failed, Err(StoreError::Broken(_))), "{failed:?}");
    }
    disk::set_fault(folder.path(), None);
    store.accept(submission(4)).await.unwrap();
    let audited = store.audit(Sequence(0), 9).await.unwrap();
    assert_eq!(audited.into_iter().map(|audited| audited.entry).collect::<Vec<_>>(), [taken]);
}

#[test]
fn the_simulated_disk_does_lose_what_was_not_flushed() {
    vfs::install();
    let folder = TempDir::new().unwrap();
    let connection = Connection::open(folder.path().join(STORE_FILE)).unwrap();
    connection.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x);").unwrap();
    connection.execute_batch("PRAGMA wal_checkpoint(FULL); PRAGMA synchronous = NORMAL;").unwrap();
    connection.execute_batch("INSERT INTO t VALUES (1)").unwrap();
    let after = cut(folder.path(), Loss::All);
    let count = |connection: &Connection| {
        connection.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!(count(&connection), 1);
    assert_eq!(count(&Connection::open(after.path().join(STORE_FILE)).unwrap()), 0);
}
