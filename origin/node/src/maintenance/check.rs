//! Checks that everything in a store agrees.

use cortex_domain::ports::Inspect;
use cortex_domain::verify::{Finding, check_job};

use super::error::MaintenanceError;
use super::place::{self, StorePlace};
use crate::config::StoreEngine;
use crate::home::Home;

/// How many jobs are checked at a time.
const PAGE_SIZE: usize = 256;
/// Maximum number of findings in a report.
const MAX_FINDINGS: usize = 1000;

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
    let store = place::inspect(home, &StorePlace::of(home, engine)).await?;
    verify(&*store).await
}

pub(super) async fn verify(store: &dyn Inspect) -> Result<StoreReport, MaintenanceError> {
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
