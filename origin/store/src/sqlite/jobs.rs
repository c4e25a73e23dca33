//! Reads and writes jobs and their logs.

use cortex_domain::event::Entry;
use cortex_domain::id::JobId;
use cortex_domain::job::{Job, Version};
use cortex_domain::ports::JobCount;
use cortex_domain::state::StateName;
use cortex_domain::time::Timestamp;
use rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY;
use rusqlite::{Connection, OptionalExtension, Params, named_params, params};

use super::fault::Fault;
use super::usage::Delta;
use crate::record::{JOB_OVERHEAD_BYTES, is_open};

pub(super) fn find(connection: &Connection, id: JobId) -> Result<Option<Job>, Fault> {
    Ok(records(connection, "SELECT record FROM jobs WHERE id = ?1", [id.as_bytes()])?.pop())
}

pub(super) fn open(connection: &Connection, after: Option<JobId>, limit: usize) -> Result<Vec<Job>, Fault> {
    let after = after.map_or([0; 16], |id| *id.as_bytes());
    let sql = "SELECT record FROM jobs WHERE open = 1 AND id > ?1 ORDER BY id LIMIT ?2";
    records(connection, sql, params![after, sql_limit(limit)])
}

pub(super) fn counts(connection: &Connection) -> Result<Vec<JobCount>, Fault> {
    let mut select =
        connection.prepare_cached("SELECT tenant, state, count(*) FROM jobs GROUP BY tenant, state")?;
    let rows =
        select.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?, row.get::<_, i64>(2)?)))?;
    rows.map(|row| {
        let (tenant, state, jobs) = row?;
        Ok(JobCount {
            tenant: tenant.parse().map_err(|_| Fault::Row("tenant"))?,
            state: StateName::from_code(state).ok_or(Fault::Row("state"))?,
            jobs: jobs.cast_unsigned(),
        })
    })
    .collect()
}

pub(super) fn log(connection: &Connection, id: JobId, after: Version) -> Result<Vec<Entry>, Fault> {
    let mut select = connection
        .prepare_cached("SELECT entries FROM log WHERE job = ?1 AND version > ?2 ORDER BY version")?;
    let mut rows = select.query(params![id.as_bytes(), after.0.cast_signed()])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        entries
            .extend(cortex_wire::decode_log(row.get_ref(0)?.as_blob().map_err(|_| Fault::Row("entries"))?)?);
    }
    entries.retain(|entry| entry.version > after);
    Ok(entries)
}

/// Inserts a job with an input of `input` bytes. Returns how much its tenant has more.
///
/// # Errors
/// Returns [`Fault::Conflict`] if another job has its id.
pub(super) fn insert(
    connection: &Connection,
    job: &Job,
    input: usize,
    kept_until: Timestamp,
) -> Result<Delta, Fault> {
    let sql =
        "INSERT INTO jobs (id, tenant, topic, state, version, open, dispatch, created_at, updated_at, bytes,
             kept_until, record)
         VALUES (:id, :tenant, :topic, :state, :version, :open, :dispatch, :created_at, :updated_at, :bytes,
             :kept_until, :record)";
    let record = cortex_wire::encode_job(job);
    let bytes = (JOB_OVERHEAD_BYTES + (input + record.len()) as u64).cast_signed();
    let inserted = connection.prepare_cached(sql)?.execute(named_params! {
        ":id": job.id().as_bytes(),
        ":tenant": job.tenant().as_str(),
        ":topic": job.topic().as_str(),
        ":state": job.state.name().code(),
        ":version": job.version.0.cast_signed(),
        ":open": is_open(job),
        ":dispatch": dispatch(job),
        ":created_at": job.request.created_at.as_millis().cast_signed(),
        ":updated_at": job.updated_at.as_millis().cast_signed(),
        ":bytes": bytes,
        ":kept_until": kept_until.as_millis().cast_signed(),
        ":record": &record[..],
    });
    inserted.map_err(|error| match error.sqlite_error().map(|error| error.extended_code) {
        Some(SQLITE_CONSTRAINT_PRIMARYKEY) => Fault::Conflict,
        _ => error.into(),
    })?;
    Ok(Delta { jobs: 1, open: is_open(job).into(), bytes, keys: 0 })
}

/// Adds the size of a result to the size of a job.
pub(super) fn grow(connection: &Connection, id: JobId, bytes: i64) -> Result<(), Fault> {
    connection
        .prepare_cached("UPDATE jobs SET bytes = bytes + ?2 WHERE id = ?1")?
        .execute(params![id.as_bytes(), bytes])?;
    Ok(())
}

/// Replaces a durable job that is at the `expected` version and has not ended.
pub(super) fn update(connection: &Connection, job: &Job, expected: Version) -> Result<(), Fault> {
    // SQLite writes an index again if the statement sets one of its columns, even to the same value.
    let sql = if is_open(job) {
        "UPDATE jobs SET state = :state, version = :version, dispatch = :dispatch,
         updated_at = :updated_at, record = :record
         WHERE id = :id AND version = :expected"
    } else {
        "UPDATE jobs SET state = :state, version = :version, dispatch = :dispatch,
         updated_at = :updated_at, record = :record, open = 0
         WHERE id = :id AND version = :expected"
    };
    let updated = connection.prepare_cached(sql)?.execute(named_params! {
        ":id": job.id().as_bytes(),
        ":expected": expected.0.cast_signed(),
        ":state": job.state.name().code(),
        ":version": job.version.0.cast_signed(),
        ":dispatch": dispatch(job),
        ":updated_at": job.updated_at.as_millis().cast_signed(),
        ":record": &cortex_wire::encode_job(job)[..],
    })?;
    if updated == 1 { Ok(()) } else { Err(Fault::Conflict) }
}

pub(super) fn append(connection: &Connection, id: JobId, entries: &[Entry]) -> Result<(), Fault> {
    let Some(last) = entries.last() else { return Ok(()) };
    connection.prepare_cached("INSERT INTO log (job, version, entries) VALUES (?1, ?2, ?3)")?.execute(
        params![id.as_bytes(), last.version.0.cast_signed(), &cortex_wire::encode_log(entries)[..]],
    )?;
    Ok(())
}

/// Returns the job of an idempotency key that was claimed after `after`, and the fingerprint of its
/// request.
pub(super) fn by_key(
    connection: &Connection,
    tenant: &str,
    key: &str,
    after: Timestamp,
) -> Result<Option<(JobId, Vec<u8>)>, Fault> {
    let found: Option<(Vec<u8>, Vec<u8>)> = connection
        .prepare_cached(
            "SELECT job, fingerprint FROM idempotency WHERE tenant = ?1 AND key = ?2 AND at > ?3",
        )?
        .query_row(params![tenant, key, after.as_millis().cast_signed()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    found.map(|(job, fingerprint)| Ok((read_id(&job)?, fingerprint))).transpose()
}

pub(super) fn read_id(bytes: &[u8]) -> Result<JobId, Fault> {
    JobId::from_slice(bytes).map_err(|_| Fault::Row("job id"))
}

/// Converts a limit for SQLite.
pub(super) fn sql_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// Returns the jobs whose records are the first column of a statement's rows.
pub(super) fn records(connection: &Connection, sql: &str, params: impl Params) -> Result<Vec<Job>, Fault> {
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query(params)?;
    let mut jobs = Vec::new();
    while let Some(row) = rows.next()? {
        jobs.push(cortex_wire::decode_job(row.get_ref(0)?.as_blob().map_err(|_| Fault::Row("record"))?)?);
    }
    Ok(jobs)
}

fn dispatch(job: &Job) -> Option<[u8; 16]> {
    job.state.lease().map(|lease| *lease.dispatch.as_bytes())
}
