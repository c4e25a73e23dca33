//! Deletes expired data, a little in each transaction.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cortex_domain::id::JobId;
use cortex_domain::ports::StoreError;
use cortex_domain::retention::Retention;
use cortex_domain::time::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::fault::Fault;
use super::read::Readers;
use super::write::millis;
use crate::early_deletions::EarlyDeletionMonitor;

/// Maximum number of rows that one transaction deletes, as in the functions of the schema.
const DELETE_BATCH: i64 = 64;
/// Maximum number of drafts that one transaction deletes.
const SWEEP_BATCH: i32 = 256;
/// How long to keep steps that every reader with a cursor has read, for readers without one.
const STEP_RETENTION: Duration = Duration::from_secs(600);
/// How long a call's payloads may be in the store before their job is.
const ORPHAN_TIMEOUT: Duration = Duration::from_secs(3600);

pub(super) async fn forget(
    readers: &Readers,
    epoch: i64,
    retention: &Retention,
    now: Timestamp,
    early_deletions: &Mutex<EarlyDeletionMonitor>,
) -> Result<u64, StoreError> {
    forget_rows(readers, epoch, retention, now).await?;
    trim_audit(readers, epoch, retention, now, early_deletions).await?;
    Ok(forget_jobs(readers, epoch, retention, now).await?)
}

/// Deletes expired idempotency keys, steps, payloads without a job, and audit entries.
async fn forget_rows(
    readers: &Readers,
    epoch: i64,
    retention: &Retention,
    now: Timestamp,
) -> Result<(), Fault> {
    let (keys_by, ended_by) = (before(now, retention.keys), before(now, retention.ended));
    let (read_by, audit_by) = (before(now, STEP_RETENTION), before(now, retention.audit));
    // A job id begins with the time at which it was minted.
    let orphans_before = before(now, ORPHAN_TIMEOUT).max(0).to_be_bytes()[2..].to_vec();
    loop {
        let rows = readers
            .query(
                "SELECT cortex.forget($1, $2, $3, $4, $5, $6, $7)",
                &[
                    (&epoch, Type::INT8),
                    (&millis(now), Type::INT8),
                    (&keys_by, Type::INT8),
                    (&ended_by, Type::INT8),
                    (&read_by, Type::INT8),
                    (&audit_by, Type::INT8),
                    (&orphans_before, Type::BYTEA),
                ],
            )
            .await?;
        if number(&rows, 0)? < DELETE_BATCH {
            return Ok(());
        }
    }
}

/// Deletes entries of tenants that exceed their share of the audit log. Tenants take turns of a few
/// rows.
async fn trim_audit(
    readers: &Readers,
    epoch: i64,
    retention: &Retention,
    now: Timestamp,
    early_deletions: &Mutex<EarlyDeletionMonitor>,
) -> Result<(), Fault> {
    let share = |most: u64| i64::try_from(most).unwrap_or(i64::MAX).max(1);
    let (entries, bytes) = (share(retention.audit_entries), share(retention.audit_bytes));
    let audit_by = before(now, retention.audit);
    let mut over = over_share(readers, entries, bytes).await?;
    while !over.is_empty() {
        let mut still_over = Vec::new();
        for tenant in over {
            let rows = readers
                .query(
                    "SELECT deleted, early FROM cortex.trim_audit($1, $2, $3, $4, $5)",
                    &[
                        (&epoch, Type::INT8),
                        (&tenant, Type::TEXT),
                        (&entries, Type::INT8),
                        (&bytes, Type::INT8),
                        (&audit_by, Type::INT8),
                    ],
                )
                .await?;
            let early = number(&rows, 1)?.cast_unsigned();
            early_deletions.lock().unwrap_or_else(PoisonError::into_inner).record(&tenant, early);
            if number(&rows, 0)? == DELETE_BATCH {
                still_over.push(tenant);
            }
        }
        over = still_over;
    }
    Ok(())
}

/// Returns the tenants that exceed their share.
async fn over_share(readers: &Readers, entries: i64, bytes: i64) -> Result<Vec<String>, Fault> {
    // Steps from one tenant to the next, because `DISTINCT` would read the whole index.
    let sql = "WITH RECURSIVE each(tenant) AS (
             (SELECT tenant FROM cortex.audit ORDER BY tenant LIMIT 1)
             UNION ALL
             SELECT (SELECT a.tenant FROM cortex.audit a WHERE a.tenant > each.tenant ORDER BY a.tenant LIMIT 1)
             FROM each WHERE each.tenant IS NOT NULL
         )
         SELECT each.tenant FROM each
         CROSS JOIN LATERAL (SELECT tenant_entries AS entries, tenant_bytes AS bytes FROM cortex.audit
             WHERE tenant = each.tenant ORDER BY first DESC LIMIT 1) AS newest
         CROSS JOIN LATERAL (SELECT tenant_entries AS entries, tenant_bytes AS bytes FROM cortex.audit
             WHERE tenant = each.tenant ORDER BY first LIMIT 1) AS oldest
         WHERE newest.entries - oldest.entries >= $1 OR newest.bytes - oldest.bytes >= $2";
    names(&readers.query(sql, &[(&entries, Type::INT8), (&bytes, Type::INT8)]).await?)
}

async fn forget_jobs(
    readers: &Readers,
    epoch: i64,
    retention: &Retention,
    now: Timestamp,
) -> Result<u64, Fault> {
    let ended_jobs = i64::try_from(retention.ended_jobs).unwrap_or(i64::MAX);
    let (ended_by, now_at) = (before(now, retention.ended), millis(now));
    // Reads without the lock which tenants have something to delete. The deletion checks again.
    let sql = "SELECT u.tenant FROM cortex.usage u WHERE u.jobs > u.open AND EXISTS (
             SELECT 1 FROM (SELECT updated_at FROM cortex.jobs j
                 WHERE j.tenant = u.tenant AND NOT j.open AND j.kept_until <= $3 ORDER BY j.id LIMIT 256) AS o
             WHERE o.updated_at <= $2 OR u.jobs - u.open > $1)";
    let parameters: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 3] =
        [(&ended_jobs, Type::INT8), (&ended_by, Type::INT8), (&now_at, Type::INT8)];
    let mut tenants = names(&readers.query(sql, &parameters).await?)?;
    let mut deleted = 0;
    while !tenants.is_empty() {
        let mut with_more = Vec::new();
        for tenant in tenants {
            let rows = readers
                .query(
                    "SELECT cortex.forget_jobs($1, $2, $3, $4, $5)",
                    &[
                        (&epoch, Type::INT8),
                        (&tenant, Type::TEXT),
                        (&ended_jobs, Type::INT8),
                        (&ended_by, Type::INT8),
                        (&now_at, Type::INT8),
                    ],
                )
                .await?;
            let some = number(&rows, 0)?;
            if some > 0 {
                deleted += some.cast_unsigned();
                with_more.push(tenant);
            }
        }
        tenants = with_more;
    }
    Ok(deleted)
}

pub(super) async fn sweep_drafts(readers: &Readers, epoch: i64) -> Result<u64, Fault> {
    let mut swept = 0;
    loop {
        let rows = readers
            .query("SELECT cortex.sweep_drafts($1, $2)", &[(&epoch, Type::INT8), (&SWEEP_BATCH, Type::INT4)])
            .await?;
        let some = number(&rows, 0)?;
        swept += some.cast_unsigned();
        if some < i64::from(SWEEP_BATCH) {
            return Ok(swept);
        }
    }
}

/// Returns the time that lies `age` before `now`, in milliseconds. It may be negative.
fn before(now: Timestamp, age: Duration) -> i64 {
    let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
    millis(now).saturating_sub(age)
}

fn number(rows: &[Row], column: usize) -> Result<i64, Fault> {
    Ok(rows.first().ok_or(Fault::Row("number"))?.try_get(column)?)
}

fn names(rows: &[Row]) -> Result<Vec<String>, Fault> {
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Deletes the payloads of a call, unless it became a durable job.
pub(super) async fn discard(readers: &Readers, epoch: i64, job: JobId) -> Result<(), Fault> {
    let id: &[u8] = job.as_bytes();
    let sql = "SELECT cortex.discard($1, $2)::text";
    readers.query(sql, &[(&epoch, Type::INT8), (&id, Type::BYTEA)]).await?;
    Ok(())
}
