//! A file is checked against itself, copied while it is in use, and put back.

#![allow(clippy::unwrap_used, dead_code, reason = "the fixtures are those of the contract")]

#[path = "contract/fixtures.rs"]
mod fixtures;

use std::fs;
use std::path::Path;

use cortex_domain::id::JobId;
use cortex_domain::ports::{Inspect, Jobs, Outbox, Sequence, StoreError};
use cortex_domain::verify::{Finding, check_job};
use cortex_store::{BackupError, OpenError, SqliteInspector, SqliteStore, backup, restore};
use tempfile::TempDir;

use fixtures::{accepted, jobs_in_every_state};

/// Returns everything that is wrong with a store, page by page.
async fn findings(store: &dyn Inspect) -> Result<Vec<Finding>, StoreError> {
    let (mut findings, mut after) = (Vec::new(), None);
    loop {
        let page = store.inspect(after, 2).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.job.id());
        findings.extend(page.iter().flat_map(check_job));
    }
    findings.extend(store.inspect_rest().await?);
    Ok(findings)
}

/// Makes a store with jobs in every state, and closes it.
async fn made(folder: &Path) -> (std::path::PathBuf, Vec<JobId>) {
    let path = folder.join("jobs.db");
    let store = SqliteStore::open(&path).unwrap();
    let jobs = jobs_in_every_state(&store).await;
    (path, jobs)
}

#[tokio::test]
async fn a_store_in_use_has_no_findings() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("jobs.db");
    let store = SqliteStore::open(&path).unwrap();
    let jobs = jobs_in_every_state(&store).await;
    assert_eq!(findings(&store).await.unwrap(), []);
    let inspector = SqliteInspector::open(&path).unwrap();
    assert_eq!(findings(&inspector).await.unwrap(), []);
    assert_eq!(inspector.inspect(None, 99).await.unwrap().len(), jobs.len());
    accepted(&store, "acme", 99).await;
    assert_eq!(inspector.inspect(None, 99).await.unwrap().len(), jobs.len() + 1);
}

#[tokio::test]
async fn each_damage_to_a_file_is_found() {
    type Expected = fn(&Finding) -> bool;
    let damages: [(&str, Expected); 9] = [
        ("UPDATE jobs SET open = 1 - open", |f| matches!(f, Finding::Index { index: "open jobs", .. })),
        ("UPDATE jobs SET tenant = 'nina'", |f| matches!(f, Finding::Index { index: "tenant", .. })),
        ("DELETE FROM log", |f| matches!(f, Finding::NoAcceptance(_))),
        ("DELETE FROM payloads WHERE space = 1", |f| matches!(f, Finding::NoInput(_))),
        ("DELETE FROM payloads WHERE space = 2", |f| matches!(f, Finding::NoResult(_))),
        ("UPDATE usage SET bytes = bytes + 1", |f| matches!(f, Finding::Count { of: "bytes", .. })),
        ("DELETE FROM jobs", |f| matches!(f, Finding::KeyWithoutJob { .. })),
        ("DELETE FROM jobs", |f| matches!(f, Finding::MessageWithoutJob { .. })),
        ("DELETE FROM jobs", |f| matches!(f, Finding::Orphan { of: "log", .. })),
    ];
    for (sql, expected) in damages {
        let folder = TempDir::new().unwrap();
        let (path, _) = made(folder.path()).await;
        rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let found = findings(&SqliteInspector::open(&path).unwrap()).await.unwrap();
        assert!(found.iter().any(expected), "{sql}: {found:?}");
        assert!(found.iter().all(|finding| !finding.to_string().is_empty()));
    }
}

#[tokio::test]
async fn a_copy_of_a_store_in_use_is_whole_and_takes_its_place() {
    let folder = TempDir::new().unwrap();
    let (path, copy) = (folder.path().join("jobs.db"), folder.path().join("copy.db"));
    let store = SqliteStore::open(&path).unwrap();
    let jobs = jobs_in_every_state(&store).await;
    let bytes = backup(&path, &copy).unwrap();
    assert_eq!(bytes, fs::metadata(&copy).unwrap().len());
    let later = accepted(&store, "acme", 99).await;
    assert!(matches!(backup(&path, &copy), Err(BackupError::Exists(_))));
    assert!(matches!(restore(&copy, &path), Err(BackupError::Open(OpenError::InUse { .. }))));
    drop(store);
    assert!(matches!(restore(&copy, &path), Err(BackupError::Exists(_))));

    let place = folder.path().join("new/jobs.db");
    restore(&copy, &place).unwrap();
    let store = SqliteStore::open(&place).unwrap();
    assert_eq!(findings(&store).await.unwrap(), []);
    for job in jobs {
        assert!(store.job(job).await.unwrap().is_some());
    }
    assert_eq!(store.job(later.id()).await.unwrap(), None);
    assert!(!store.outbox(Sequence(0), 1).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_damaged_or_foreign_copy_is_refused_and_nothing_is_made() {
    let folder = TempDir::new().unwrap();
    let (path, _) = made(folder.path()).await;
    let (damaged, place) = (folder.path().join("damaged.db"), folder.path().join("place.db"));
    backup(&path, &damaged).unwrap();
    let mut bytes = fs::read(&damaged).unwrap();
    bytes.truncate(bytes.len() / 2 / 4096 * 4096);
    fs::write(&damaged, &bytes).unwrap();
    let refusal = restore(&damaged, &place).unwrap_err();
    let damaged_file = matches!(refusal, BackupError::Open(OpenError::Damaged { .. }));
    assert!(damaged_file || matches!(refusal, BackupError::Damaged { .. }), "{refusal}");
    let missing = restore(&folder.path().join("missing.db"), &place).unwrap_err();
    assert!(matches!(missing, BackupError::Open(OpenError::Missing { .. })), "{missing}");
    fs::write(&damaged, "a text").unwrap();
    assert!(restore(&damaged, &place).is_err());
    assert!(!place.exists());
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_may_read_a_copy() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    let (path, _) = made(folder.path()).await;
    let copy = folder.path().join("copy.db");
    backup(&path, &copy).unwrap();
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
}
