//! Work on a store beside its normal use: checks, copies and migrations.

use std::path::Path;

use cortex_domain::ports::{Inspect, StoreError};
use cortex_domain::retention::Retention;
use cortex_domain::verify::{Finding, check_job};
use cortex_store::{BackupError, OpenError, SqliteInspector, SqliteStore};

use crate::config::{StoreEngine, StoreName};
use crate::home::Home;

/// How many jobs are checked at a time.
const PAGE_SIZE: usize = 256;
/// Maximum number of findings in a report.
const MAX_FINDINGS: usize = 1000;

/// The work on a store failed.
#[derive(Debug, thiserror::Error)]
pub enum MaintenanceError {
    #[error("`{command}` is not supported for the store {store}")]
    Unsupported { command: &'static str, store: StoreName },
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Backup(#[from] BackupError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Task(#[from] tokio::task::JoinError),
}

/// The result of a check.
#[derive(Debug, Default)]
pub struct StoreReport {
    /// How many jobs were checked.
    pub jobs: u64,
    /// What does not agree, at most 1,000 findings.
    pub findings: Vec<Finding>,
    /// How many findings there were in all.
    pub total: u64,
}

impl StoreReport {
    fn add(&mut self, findings: impl IntoIterator<Item = Finding>) {
        for finding in findings {
            self.total += 1;
            if self.findings.len() < MAX_FINDINGS {
                self.findings.push(finding);
            }
        }
    }
}

/// Compares everything in the store with everything else. The store may be in use.
///
/// # Errors
/// Returns an error if there is no store, or it can't be read.
pub async fn verify_store(home: &Home, engine: &StoreEngine) -> Result<StoreReport, MaintenanceError> {
    supported("store verify", engine)?;
    let path = home.store();
    let store = tokio::task::spawn_blocking(move || SqliteInspector::open(path)).await??;
    verify(&store).await
}

async fn verify(store: &dyn Inspect) -> Result<StoreReport, MaintenanceError> {
    let (mut report, mut after) = (StoreReport::default(), None);
    loop {
        let page = store.inspect(after, PAGE_SIZE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.job.id());
        report.jobs += page.len() as u64;
        report.add(page.iter().flat_map(check_job));
    }
    report.add(store.inspect_rest().await?);
    Ok(report)
}

/// Copies the store to a new file. The store may be in use. Returns the size of the copy in bytes.
///
/// # Errors
/// Returns an error if there is no store, the file exists or the disk fails.
pub async fn back_up_store(home: &Home, engine: &StoreEngine, to: &Path) -> Result<u64, MaintenanceError> {
    supported("store backup", engine)?;
    let (store, to) = (home.store(), to.to_owned());
    Ok(tokio::task::spawn_blocking(move || cortex_store::backup(&store, &to)).await??)
}

/// Puts a copy in the place of the store, which must not exist. Returns its size in bytes.
///
/// # Errors
/// Returns an error if there is a store, the copy is damaged or the disk fails.
pub async fn restore_store(home: &Home, engine: &StoreEngine, from: &Path) -> Result<u64, MaintenanceError> {
    supported("store restore", engine)?;
    let (store, from) = (home.store(), from.to_owned());
    Ok(tokio::task::spawn_blocking(move || cortex_store::restore(&from, &store)).await??)
}

/// Raises the schema of the store to that of this program. Returns the schema that it had.
///
/// # Errors
/// Returns an error if there is no store, it is in use or the disk fails.
pub async fn migrate_store(home: &Home, engine: &StoreEngine) -> Result<i32, MaintenanceError> {
    supported("store migrate", engine)?;
    let path = home.store();
    Ok(tokio::task::spawn_blocking(move || SqliteStore::migrate(path, Retention::default())).await??)
}

fn supported(command: &'static str, engine: &StoreEngine) -> Result<(), MaintenanceError> {
    match engine.name() {
        StoreName::Sqlite => Ok(()),
        store => Err(MaintenanceError::Unsupported { command, store }),
    }
}
