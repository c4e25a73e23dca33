//! Deletes expired data. A reader finds what has expired. The writer deletes a little at a time,
//! and checks each row again.

use cortex_domain::id::{JobId, Tenant};
use cortex_domain::ports::Sequence;
use cortex_domain::retention::Retention;
use cortex_domain::state::StateName;
use cortex_domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use std::time::Duration;

use super::fault::Fault;
use super::jobs::{read_id, sql_limit};
use super::transaction::Transaction;
use super::usage::Delta;

/// Maximum number of jobs that one read finds for each tenant and state.
const MAX_FOUND: usize = 256;
/// Maximum number of jobs, keys or steps that the writer deletes at once.
pub(super) const DELETE_BATCH: usize = 64;
/// Maximum number of bytes that the writer deletes at once.
const MAX_BATCH_BYTES: u64 = 4 << 20;
/// How long to keep steps that every reader with a cursor has read, for readers in this process.
const STEP_RETENTION: Duration = Duration::from_secs(600);
/// Maximum number of steps to keep for a reader that has not read them.
const MAX_UNREAD_STEPS: u64 = 2_000_000;
/// How long a call's payloads may be in the store before their job is.
const ORPHAN_TIMEOUT: Duration = Duration::from_secs(3600);

/// A job to delete, and how many bytes that frees.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct ExpiredJob {
    pub(super) job: JobId,
    pub(super) bytes: u64,
}

/// Returns a few ended jobs of each tenant that have expired or exceed the number of jobs to keep.
pub(super) fn expired_jobs(
    connection: &Connection,
    retention: &Retention,
    now: Timestamp,
) -> Result<Vec<ExpiredJob>, Fault> {
    let mut tenants = connection.prepare_cached("SELECT tenant, jobs - open FROM usage WHERE jobs > open")?;
    let tenants: Vec<(String, i64)> =
        tenants.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
    let mut all = Vec::new();
    for (tenant, ended) in tenants {
        let excess = u64::try_from(ended).unwrap_or_default().saturating_sub(retention.ended_jobs);
        all.extend(expired_of_tenant(connection, &tenant, excess, retention, now)?);
    }
    Ok(all)
}

fn expired_of_tenant(
    connection: &Connection,
    tenant: &str,
    excess: u64,
    retention: &Retention,
    now: Timestamp,
) -> Result<Vec<ExpiredJob>, Fault> {
    let oldest = oldest(connection, tenant, MAX_FOUND, now)?;
    let excess = usize::try_from(excess).unwrap_or(usize::MAX).min(MAX_FOUND);
    let is_expired = |(n, (_, ended)): &(usize, (ExpiredJob, Timestamp))| {
        *n < excess || now.since(*ended) >= retention.ended
    };
    Ok(oldest.into_iter().enumerate().filter(is_expired).map(|(_, (job, _))| job).collect())
}

/// Returns the oldest jobs of a tenant that have ended and need not be kept, and when they ended.
/// There are at least `limit` of them, if the tenant has that many.
fn oldest(
    connection: &Connection,
    tenant: &str,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<(ExpiredJob, Timestamp)>, Fault> {
    let mut select = connection.prepare_cached(
        "SELECT id, bytes, updated_at FROM jobs
         WHERE tenant = ?1 AND state = ?2 AND open = 0 AND kept_until <= ?3 ORDER BY id LIMIT ?4",
    )?;
    let now = now.as_millis().cast_signed();
    let mut oldest = Vec::new();
    for state in StateName::ALL.iter().filter(|state| state.is_terminal()) {
        let mut rows = select.query(params![tenant, state.code(), now, sql_limit(limit)])?;
        while let Some(row) = rows.next()? {
            let bytes = u64::try_from(row.get::<_, i64>(1)?).unwrap_or_default();
            let ended = Timestamp::from_millis(row.get::<_, i64>(2)?.cast_unsigned());
            oldest.push((ExpiredJob { job: read_id(&row.get::<_, Vec<u8>>(0)?)?, bytes }, ended));
        }
    }
    oldest.sort_by_key(|(job, _)| job.job);
    Ok(oldest)
}

/// Deletes a few of the oldest jobs of a tenant that adds jobs faster than the background task
/// deletes them. Returns how many.
pub(super) fn trim_tenant(transaction: &Transaction, tenant: &Tenant, now: Timestamp) -> Result<u64, Fault> {
    let oldest = oldest(transaction, tenant.as_str(), DELETE_BATCH, now)?;
    let expired: Vec<ExpiredJob> = oldest.into_iter().map(|(job, _)| job).take(DELETE_BATCH).collect();
    batches(&expired).first().map_or(Ok(0), |(jobs, _)| delete_jobs(transaction, jobs))
}

/// Splits expired jobs into batches that the writer deletes at once, each with its bytes.
pub(super) fn batches(expired: &[ExpiredJob]) -> Vec<(Vec<JobId>, u64)> {
    let mut batches: Vec<(Vec<JobId>, u64)> = Vec::new();
    for ExpiredJob { job, bytes } in expired {
        match batches
            .last_mut()
            .filter(|(jobs, sum)| jobs.len() < DELETE_BATCH && sum + bytes <= MAX_BATCH_BYTES)
        {
            Some((jobs, sum)) => {
                jobs.push(*job);
                *sum += bytes;
            }
            None => batches.push((vec![*job], *bytes)),
        }
    }
    batches
}

/// Deletes jobs and everything that belongs to them, except for open jobs. Returns how many.
pub(super) fn delete_jobs(transaction: &Transaction, jobs: &[JobId]) -> Result<u64, Fault> {
    let mut deleted = 0;
    for job in jobs {
        let found: Option<(String, i64)> = transaction
            .prepare_cached("DELETE FROM jobs WHERE id = ?1 AND open = 0 RETURNING tenant, bytes")?
            .query_row([job.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((tenant, bytes)) = found else { continue };
        transaction.prepare_cached("DELETE FROM log WHERE job = ?1")?.execute([job.as_bytes()])?;
        delete_payloads(transaction, *job)?;
        let tenant = read_tenant(&tenant)?;
        transaction.count(&tenant, Delta { jobs: -1, bytes: -bytes, ..Delta::default() })?;
        deleted += 1;
    }
    Ok(deleted)
}

pub(super) fn delete_payloads(connection: &Connection, job: JobId) -> Result<(), Fault> {
    connection.prepare_cached("DELETE FROM payloads WHERE job = ?1")?.execute([job.as_bytes()])?;
    Ok(())
}

fn read_tenant(text: &str) -> Result<Tenant, Fault> {
    text.parse().map_err(|_| Fault::Row("tenant"))
}

/// Deletes expired idempotency keys. Returns how many.
pub(super) fn delete_expired_keys(
    transaction: &Transaction,
    retention: &Retention,
    now: Timestamp,
) -> Result<usize, Fault> {
    let mut select = transaction
        .prepare_cached("SELECT tenant, key FROM idempotency WHERE at <= ?1 ORDER BY at LIMIT ?2")?;
    let Some(before) = now.as_millis().checked_sub(millis(retention.keys)) else { return Ok(0) };
    let keys: Vec<(String, String)> = select
        .query_map(params![before.cast_signed(), sql_limit(DELETE_BATCH)], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    for (tenant, key) in &keys {
        transaction
            .prepare_cached("DELETE FROM idempotency WHERE tenant = ?1 AND key = ?2")?
            .execute([tenant, key])?;
        transaction.count(&read_tenant(tenant)?, Delta { keys: -1, ..Delta::default() })?;
    }
    Ok(keys.len())
}

/// Deletes the oldest steps that every reader has read, that are as old as the oldest kept jobs, or
/// that exceed the number of unread steps to keep. Returns how many. The newest step stays, because
/// readers start after it.
pub(super) fn delete_expired_steps(
    connection: &Connection,
    retention: &Retention,
    now: Timestamp,
) -> Result<usize, Fault> {
    let newest = super::steps::newest(connection)?;
    let read: Option<i64> =
        connection.prepare_cached("SELECT min(seq) FROM cursors")?.query_row([], |row| row.get(0))?;
    let read = read.map_or(newest, |seq| Sequence(seq.cast_unsigned()));
    let oldest = super::steps::after(connection, Sequence(0), DELETE_BATCH)?;
    let goes = |step: &&cortex_domain::ports::JobStep| {
        let age = now.since(step.at);
        step.sequence < newest
            && ((step.sequence <= read && age > STEP_RETENTION)
                || age > retention.ended
                || step.sequence.0.saturating_add(MAX_UNREAD_STEPS) < newest.0)
    };
    let going = oldest.iter().take_while(goes).last();
    let Some(last) = going else { return Ok(0) };
    let deleted = connection
        .prepare_cached("DELETE FROM steps WHERE seq <= ?1")?
        .execute([last.sequence.0.cast_signed()])?;
    Ok(deleted)
}

/// Deletes payloads that were stored for a job that never came. Returns for how many jobs.
pub(super) fn delete_orphaned_payloads(connection: &Connection, now: Timestamp) -> Result<usize, Fault> {
    let mut select = connection.prepare_cached("SELECT job FROM loose ORDER BY job LIMIT ?1")?;
    let jobs: Vec<Vec<u8>> =
        select.query_map([sql_limit(DELETE_BATCH)], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let mut deleted = 0;
    for job in jobs {
        let job = read_id(&job)?;
        if now.since(job.minted_at()) <= ORPHAN_TIMEOUT {
            break;
        }
        unmark_orphan(connection, job)?;
        delete_payloads(connection, job)?;
        deleted += 1;
    }
    Ok(deleted)
}

/// Deletes the payloads of a call, unless it became a durable job.
pub(super) fn discard(connection: &Connection, job: JobId) -> Result<(), Fault> {
    let marked = connection.prepare_cached("DELETE FROM loose WHERE job = ?1")?.execute([job.as_bytes()])?;
    if marked > 0 {
        delete_payloads(connection, job)?;
    }
    Ok(())
}

/// Records that the job of a payload has come.
pub(super) fn unmark_orphan(connection: &Connection, job: JobId) -> Result<(), Fault> {
    connection.prepare_cached("DELETE FROM loose WHERE job = ?1")?.execute([job.as_bytes()])?;
    Ok(())
}

/// Records that a payload was stored before its job.
pub(super) fn mark_orphan(connection: &Connection, job: JobId) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO loose (job) SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE id = ?1)",
        )?
        .execute([job.as_bytes()])?;
    Ok(())
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
