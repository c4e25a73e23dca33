//! Reads everything that a file holds, for a check. Another process may use the file meanwhile.

use std::path::Path;

use cortex_domain::id::{DispatchId, JobId, Tenant};
use cortex_domain::job::Version;
use cortex_domain::ports::{Answer, Inspect, Sequence, StoreError};
use cortex_domain::state::StateName;
use cortex_domain::transition::OutboxMessage;
use cortex_domain::verify::{Finding, JobIndex, StoredJob};
use rusqlite::{Connection, Row, params};

use super::fault::Fault;
use super::jobs::{self, read_id, sql_limit};
use super::open::{self, OpenError};
use super::readers::Readers;
use super::{SqliteStore, outbox};

/// Maximum number of findings of each kind.
const MAX_FINDINGS: i64 = 1000;

/// A file that is only read.
#[derive(Debug)]
pub struct SqliteInspector(Readers);

impl SqliteInspector {
    /// Opens the file of a store. Blocks.
    ///
    /// # Errors
    /// Returns an error if there is no file, or it is not a store of this schema.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let reader = open::open_known(path)?;
        let file_error = |cause| OpenError::File { path: path.to_owned(), cause };
        Ok(Self(Readers::start(vec![reader]).map_err(file_error)?))
    }
}

impl Inspect for SqliteInspector {
    fn inspect(&self, after: Option<JobId>, limit: usize) -> Answer<'_, Result<Vec<StoredJob>, StoreError>> {
        Box::pin(async move { Ok(self.0.read(move |c| page(c, after, limit)).await?) })
    }

    fn inspect_rest(&self) -> Answer<'_, Result<Vec<Finding>, StoreError>> {
        Box::pin(async move { Ok(self.0.read(rest).await?) })
    }
}

impl Inspect for SqliteStore {
    fn inspect(&self, after: Option<JobId>, limit: usize) -> Answer<'_, Result<Vec<StoredJob>, StoreError>> {
        Box::pin(async move { Ok(self.readers.read(move |c| page(c, after, limit)).await?) })
    }

    fn inspect_rest(&self) -> Answer<'_, Result<Vec<Finding>, StoreError>> {
        Box::pin(async move { Ok(self.readers.read(rest).await?) })
    }
}

/// Runs `read` on the content of one moment.
fn at_one_moment<T>(
    connection: &Connection,
    read: impl FnOnce(&Connection) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let transaction = connection.unchecked_transaction()?;
    read(&transaction)
}

fn page(connection: &Connection, after: Option<JobId>, limit: usize) -> Result<Vec<StoredJob>, Fault> {
    at_one_moment(connection, |connection| {
        let mut select = connection.prepare_cached(
            "SELECT record, tenant, topic, state, version, open, dispatch,
                 EXISTS (SELECT 1 FROM payloads p WHERE p.job = jobs.id AND p.space = 1),
                 EXISTS (SELECT 1 FROM payloads p WHERE p.job = jobs.id AND p.space = 2)
             FROM jobs WHERE id > ?1 ORDER BY id LIMIT ?2",
        )?;
        let after = after.map_or([0; 16], |id| *id.as_bytes());
        let mut rows = select.query(params![after, sql_limit(limit)])?;
        let mut stored = Vec::new();
        while let Some(row) = rows.next()? {
            let job = cortex_wire::decode_job(row.get_ref(0)?.as_blob().map_err(|_| Fault::Row("record"))?)?;
            let log = jobs::log(connection, job.id(), Version(0))?;
            let (has_input, has_result) = (row.get(7)?, row.get(8)?);
            stored.push(StoredJob {
                job,
                index: index(row)?,
                unlisted: Vec::new(),
                log,
                has_input,
                has_result,
            });
        }
        Ok(stored)
    })
}

fn index(row: &Row<'_>) -> Result<JobIndex, Fault> {
    let text = |at| row.get::<_, String>(at);
    let dispatch: Option<[u8; 16]> = row.get(6)?;
    Ok(JobIndex {
        tenant: text(1)?.parse().map_err(|_| Fault::Row("tenant"))?,
        topic: text(2)?.parse().map_err(|_| Fault::Row("topic"))?,
        state: StateName::from_code(row.get(3)?).ok_or(Fault::Row("state"))?,
        version: Version(row.get::<_, i64>(4)?.cast_unsigned()),
        open: row.get(5)?,
        dispatch: dispatch.map(DispatchId::new),
    })
}

fn rest(connection: &Connection) -> Result<Vec<Finding>, Fault> {
    at_one_moment(connection, |connection| {
        let mut findings = integrity(connection)?;
        findings.extend(counts(connection)?);
        findings.extend(keys(connection)?);
        findings.extend(orphans(connection)?);
        findings.extend(messages(connection)?);
        Ok(findings)
    })
}

/// Lets SQLite compare its tables with their indices.
fn integrity(connection: &Connection) -> Result<Vec<Finding>, Fault> {
    let mut check = connection.prepare(&format!("PRAGMA integrity_check({MAX_FINDINGS})"))?;
    let lines = check.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
    Ok(lines.into_iter().filter(|line| line != "ok").map(Finding::Corrupt).collect())
}

/// Compares the totals of each tenant with its jobs and keys.
fn counts(connection: &Connection) -> Result<Vec<Finding>, Fault> {
    let mut select = connection.prepare(
        "WITH found (tenant, jobs, open, bytes, keys) AS (
             SELECT tenant, sum(jobs), sum(open), sum(bytes), sum(keys) FROM (
                 SELECT tenant, count(*) AS jobs, sum(open) AS open, sum(bytes) AS bytes, 0 AS keys
                     FROM jobs GROUP BY tenant
                 UNION ALL SELECT tenant, 0, 0, 0, count(*) FROM idempotency GROUP BY tenant
             ) GROUP BY tenant)
         SELECT coalesce(u.tenant, f.tenant),
             coalesce(u.jobs, 0), coalesce(f.jobs, 0), coalesce(u.open, 0), coalesce(f.open, 0),
             coalesce(u.bytes, 0), coalesce(f.bytes, 0), coalesce(u.keys, 0), coalesce(f.keys, 0)
         FROM usage u FULL JOIN found f ON u.tenant = f.tenant",
    )?;
    let mut rows = select.query([])?;
    let mut findings = Vec::new();
    while let Some(row) = rows.next()? {
        let tenant = tenant(row, 0)?;
        for (n, of) in ["jobs", "open jobs", "bytes", "idempotency keys"].into_iter().enumerate() {
            let (kept, found): (i64, i64) = (row.get(1 + 2 * n)?, row.get(2 + 2 * n)?);
            if kept != found {
                let (kept, found) = (kept.cast_unsigned(), found.cast_unsigned());
                findings.push(Finding::Count { tenant: tenant.clone(), of, kept, found });
            }
        }
    }
    Ok(findings)
}

fn keys(connection: &Connection) -> Result<Vec<Finding>, Fault> {
    let mut select = connection
        .prepare("SELECT tenant, job FROM idempotency WHERE job NOT IN (SELECT id FROM jobs) LIMIT ?1")?;
    let mut rows = select.query([MAX_FINDINGS])?;
    let mut findings = Vec::new();
    while let Some(row) = rows.next()? {
        findings.push(Finding::KeyWithoutJob { tenant: tenant(row, 0)?, job: id(row, 1)? });
    }
    Ok(findings)
}

/// Finds logs and payloads without a job. Drafts, and inputs of calls that may still be persisted,
/// are deleted in the background.
fn orphans(connection: &Connection) -> Result<Vec<Finding>, Fault> {
    let mut select = connection.prepare(
        "SELECT DISTINCT job, 'log' FROM log WHERE job NOT IN (SELECT id FROM jobs)
         UNION ALL SELECT job, CASE space WHEN 1 THEN 'input' ELSE 'result' END FROM payloads
             WHERE space IN (1, 2) AND job NOT IN (SELECT id FROM jobs) AND job NOT IN (SELECT job FROM loose)
         LIMIT ?1",
    )?;
    let mut rows = select.query([MAX_FINDINGS])?;
    let mut findings = Vec::new();
    while let Some(row) = rows.next()? {
        let of = match row.get::<_, String>(1)?.as_str() {
            "log" => "log",
            "input" => "input",
            _ => "result",
        };
        findings.push(Finding::Orphan { job: id(row, 0)?, of });
    }
    Ok(findings)
}

fn messages(connection: &Connection) -> Result<Vec<Finding>, Fault> {
    let waiting = outbox::waiting(connection, Sequence(0), usize::MAX)?;
    let mut exists = connection.prepare("SELECT 1 FROM jobs WHERE id = ?1")?;
    let mut findings = Vec::new();
    for outbound in waiting {
        let (OutboxMessage::Submit { job, .. } | OutboxMessage::Abort { job, .. }) = outbound.message;
        if !exists.exists([job.as_bytes()])? {
            findings.push(Finding::MessageWithoutJob { sequence: outbound.sequence.0, job });
        }
    }
    Ok(findings)
}

fn tenant(row: &Row<'_>, at: usize) -> Result<Tenant, Fault> {
    row.get::<_, String>(at)?.parse().map_err(|_| Fault::Row("tenant"))
}

fn id(row: &Row<'_>, at: usize) -> Result<JobId, Fault> {
    read_id(&row.get::<_, Vec<u8>>(at)?)
}
