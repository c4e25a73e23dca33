//! Deletes expired data, a little with each script. Tenants take turns.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cortex_domain::ports::StoreError;
use cortex_domain::retention::Retention;
use cortex_domain::time::Timestamp;

use super::arguments::Arguments;
use super::link::Link;
use super::script;
use super::write::millis;
use crate::early_deletions::EarlyDeletionMonitor;

/// Maximum number of tenants that one script looks at.
const TENANT_PAGE: usize = 128;
/// Maximum number of drafts that one script looks at.
const DRAFT_PAGE: usize = 256;
/// How long to keep steps that every reader with a cursor has read, for readers in this process.
const STEP_RETENTION: Duration = Duration::from_secs(600);
/// Maximum number of steps to keep for a reader that has not read them.
const MAX_UNREAD_STEPS: u64 = 2_000_000;
/// How long an input may be in the store before its job is.
const ORPHAN_TIMEOUT: Duration = Duration::from_secs(3600);

/// Deletes what has expired. Returns how many jobs were deleted.
pub(super) async fn forget(
    link: &Link,
    retention: &Retention,
    now: Timestamp,
    early: &Mutex<EarlyDeletionMonitor>,
) -> Result<u64, StoreError> {
    while forget_shared(link, retention, now).await? {}
    let mut deleted = 0;
    let mut after = "-".to_owned();
    loop {
        let (mut due, last) = due(link, retention, now, &after).await?;
        while !due.is_empty() {
            let mut still_due = Vec::new();
            for tenant in due {
                let (jobs, more, lost) = forget_tenant(link, &tenant, retention, now).await?;
                deleted += jobs;
                early.lock().unwrap_or_else(PoisonError::into_inner).record(&tenant, lost);
                if more {
                    still_due.push(tenant);
                }
            }
            due = still_due;
        }
        if last.is_empty() {
            return Ok(deleted);
        }
        after = format!("({last}");
    }
}

/// Deletes steps, audit entries and inputs. Returns whether there may be more.
async fn forget_shared(link: &Link, retention: &Retention, now: Timestamp) -> Result<bool, StoreError> {
    let arguments = |to: Arguments| {
        to.time(now)
            .text(before(now, retention.ended))
            .text(before(now, STEP_RETENTION))
            .text(MAX_UNREAD_STEPS)
            .text(before(now, retention.audit))
            .text(before(now, ORPHAN_TIMEOUT))
    };
    let (_, mut reply) = link.write(&script::FORGET_SHARED, arguments).await?;
    Ok(reply.number()? == 1)
}

/// Returns some tenants that have something to delete, and the last one that was looked at.
async fn due(
    link: &Link,
    retention: &Retention,
    now: Timestamp,
    after: &str,
) -> Result<(Vec<String>, String), StoreError> {
    let arguments = Arguments::default()
        .text(after)
        .text(TENANT_PAGE)
        .time(now)
        .text(before(now, retention.keys))
        .text(before(now, retention.ended))
        .text(retention.ended_jobs)
        .text(retention.audit_entries)
        .text(retention.audit_bytes);
    let mut reply = link.read(&script::DUE, arguments).await?;
    let last = reply.text()?;
    Ok((reply.rest(super::reply::Reply::text)?, last))
}

/// Deletes a little of a tenant's data. Returns the number of jobs, whether there may be more, and
/// how many audit entries had not expired.
async fn forget_tenant(
    link: &Link,
    tenant: &str,
    retention: &Retention,
    now: Timestamp,
) -> Result<(u64, bool, u64), StoreError> {
    let arguments = |to: Arguments| {
        to.text(tenant)
            .time(now)
            .text(before(now, retention.keys))
            .text(before(now, retention.ended))
            .text(before(now, retention.audit))
            .text(retention.ended_jobs)
            .text(retention.audit_entries)
            .text(retention.audit_bytes)
    };
    let (_, mut reply) = link.write(&script::FORGET_TENANT, arguments).await?;
    Ok((reply.number()?, reply.number()? == 1, reply.number()?))
}

/// Deletes drafts that no open dispatch can publish. Returns how many.
pub(super) async fn sweep_drafts(link: &Link) -> Result<u64, StoreError> {
    let mut swept = 0;
    let mut after = "-".to_owned();
    loop {
        let (_, mut reply) = link.write(&script::SWEEP_DRAFTS, |to| to.text(&after).text(DRAFT_PAGE)).await?;
        swept += reply.number()?;
        let last = reply.text()?;
        if last.is_empty() {
            return Ok(swept);
        }
        after = format!("({last}");
    }
}

/// Returns the time this long ago, or -1 if there was no such time.
fn before(now: Timestamp, age: Duration) -> i64 {
    let at = now.as_millis().checked_sub(millis(age));
    at.and_then(|at| i64::try_from(at).ok()).unwrap_or(-1)
}
