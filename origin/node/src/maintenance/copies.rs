//! Copies a store to another engine. A backup of a server is a copy to a file.

use std::collections::BTreeMap;
use std::path::Path;

use cortex_store::{Copied, copy};

use super::check::{StoreReport, verify};
use super::error::MaintenanceError;
use super::place::{self, StorePlace};
use crate::config::StoreEngine;
use crate::home::Home;

/// What becomes of a process that uses the source on a server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Source {
    /// It can no longer write, so that nothing is written after the copy.
    Fenced,
    /// It goes on. The copy is of one moment, or fails if the source changes.
    Served,
}

/// The result of a copy.
#[derive(Debug)]
pub struct CopyReport {
    pub copied: Copied,
    /// How many jobs the source and the target have in each state.
    pub states: BTreeMap<&'static str, (u64, u64)>,
    /// The check of the target.
    pub check: StoreReport,
}

impl CopyReport {
    /// Returns whether the target has what the source has, and agrees with itself.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.check.total == 0 && self.states.values().all(|(source, target)| source == target)
    }
}

/// Copies a store to an empty place, and checks the copy. A process that uses the source can no
/// longer write to it.
///
/// # Errors
/// Returns an error if a store can't be used, the target is not empty or a copy fails.
pub async fn copy_store(
    home: &Home,
    from: &StorePlace,
    to: &StorePlace,
) -> Result<CopyReport, MaintenanceError> {
    copy_from(home, from, to, Source::Fenced).await
}

async fn copy_from(
    home: &Home,
    from: &StorePlace,
    to: &StorePlace,
    source: Source,
) -> Result<CopyReport, MaintenanceError> {
    let from_store = place::export(home, from).await?;
    let mut target = place::import(home, to).await?;
    // The source is fenced once the target is known to be empty, and read after that.
    let claim = match source {
        Source::Fenced => place::fence(home, from).await?,
        Source::Served => None,
    };
    let from_store = if claim.is_some() { place::export(home, from).await? } else { from_store };
    let copied = copy(&*from_store, &mut *target).await?;
    drop(target);
    let check = verify(&*place::inspect(home, to).await?).await?;
    let target = place::export(home, to).await?;
    let mut states: BTreeMap<&'static str, (u64, u64)> = BTreeMap::new();
    for count in from_store.counts().await? {
        states.entry(count.state.as_str()).or_default().0 += count.jobs;
    }
    for count in target.counts().await? {
        states.entry(count.state.as_str()).or_default().1 += count.jobs;
    }
    Ok(CopyReport { copied, states, check })
}

fn whole(report: &CopyReport, file: &Path) -> Result<u64, MaintenanceError> {
    if !report.is_whole() {
        return Err(MaintenanceError::Differs { findings: report.check.total });
    }
    Ok(std::fs::metadata(file)?.len())
}

/// Copies the store to a new file. The store may be in use, but one on Redis may not change
/// meanwhile. Returns the size of the copy in bytes.
///
/// # Errors
/// Returns an error if there is no store, the file exists or the disk fails.
pub async fn back_up_store(home: &Home, engine: &StoreEngine, to: &Path) -> Result<u64, MaintenanceError> {
    if *engine != StoreEngine::Sqlite {
        let file = StorePlace::File(to.to_owned());
        return whole(&copy_from(home, &StorePlace::of(home, engine), &file, Source::Served).await?, to);
    }
    let (store, to) = (home.store(), to.to_owned());
    Ok(tokio::task::spawn_blocking(move || cortex_store::backup(&store, &to)).await??)
}

/// Puts a copy in the place of the store, which must not exist. Returns the size of the copy in
/// bytes.
///
/// # Errors
/// Returns an error if there is a store, the copy is damaged or the disk fails.
pub async fn restore_store(home: &Home, engine: &StoreEngine, from: &Path) -> Result<u64, MaintenanceError> {
    if *engine != StoreEngine::Sqlite {
        let file = StorePlace::File(from.to_owned());
        return whole(&copy_from(home, &file, &StorePlace::of(home, engine), Source::Served).await?, from);
    }
    let (store, from) = (home.store(), from.to_owned());
    Ok(tokio::task::spawn_blocking(move || cortex_store::restore(&from, &store)).await??)
}
