//! Reads, on a few connections of their own, so that no read waits for a flush.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cortex_domain::event::Entry;
use cortex_domain::id::JobId;
use cortex_domain::job::{Job, Version};
use cortex_domain::pointer::Pointer;
use cortex_domain::ports::{Audited, JobCount, JobStep, Outbound, Query, Sequence, StoreError};
use cortex_domain::state::{Attempt, StateName};
use cortex_domain::time::Timestamp;
use deadpool_postgres::{Object, Pool};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use crate::fence::Fence;

use super::fault::Fault;
use super::write::key;

/// Maximum number of waiting reads.
const MAX_QUEUED_READS: usize = 1024;
const READ_TIMEOUT: Duration = Duration::from_secs(12);

pub(super) type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

#[derive(Debug)]
pub(super) struct Readers {
    pool: Pool,
    waiting: Semaphore,
    fence: Arc<Fence>,
}

/// What runs the statements of a read.
pub(super) trait Reader: Sync {
    /// Runs one statement.
    fn query(
        &self,
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> impl Future<Output = Result<Vec<Row>, Fault>> + Send;
}

impl Reader for Readers {
    fn query(
        &self,
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> impl Future<Output = Result<Vec<Row>, Fault>> + Send {
        Self::query(self, sql, parameters)
    }
}

impl Readers {
    pub(super) fn new(pool: Pool, fence: Arc<Fence>) -> Self {
        Self { pool, waiting: Semaphore::new(MAX_QUEUED_READS), fence }
    }

    /// Runs one statement.
    pub(super) async fn query(&self, sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>, Fault> {
        self.fence.check()?;
        let _waits = self.waiting.try_acquire().map_err(|_| StoreError::Overloaded)?;
        let client = self.pool.get().await?;
        if let Ok(rows) = timeout(READ_TIMEOUT, client.query_typed(sql, parameters)).await {
            return rows.map_err(|error| {
                let fault = Fault::from(error);
                if fault.is_fenced() { self.fence.close().into() } else { fault }
            });
        }
        // The connection is closed, so that no later read waits for it.
        drop(Object::take(client));
        Err(Fault::Timeout(READ_TIMEOUT.as_secs()))
    }
}

pub(super) async fn job(readers: &Readers, id: JobId) -> Result<Option<Job>, Fault> {
    let sql = "SELECT record FROM cortex.jobs WHERE id = $1";
    let rows = readers.query(sql, &[(&&id.as_bytes()[..], Type::BYTEA)]).await?;
    Ok(records(&rows)?.pop())
}

pub(super) async fn list(readers: &Readers, query: &Query) -> Result<Vec<Job>, Fault> {
    let before = query.before.map_or([0xff; 16], |id| *id.as_bytes());
    let (before, limit, tenant) = (&before[..], sql_limit(query.limit), query.tenant.as_str());
    let state = query.state.map(|state| i32::from(state.code()));
    let topic = query.topic.as_ref().map(|topic| topic.as_str());
    let mut parameters: Vec<Parameter<'_>> =
        vec![(&tenant, Type::TEXT), (&before, Type::BYTEA), (&limit, Type::INT8)];
    let mut filter = String::new();
    if state.is_some() {
        parameters.push((&state, Type::INT4));
        filter = format!("AND state = ${}", parameters.len());
    }
    if topic.is_some() {
        parameters.push((&topic, Type::TEXT));
        filter = format!("{filter} AND topic = ${}", parameters.len());
    }
    let sql = format!(
        "SELECT record FROM cortex.jobs WHERE tenant = $1 AND id < $2 {filter} ORDER BY id DESC LIMIT $3"
    );
    records(&readers.query(&sql, &parameters).await?)
}

pub(super) async fn open(readers: &Readers, after: Option<JobId>, limit: usize) -> Result<Vec<Job>, Fault> {
    let after = after.map_or([0; 16], |id| *id.as_bytes());
    let sql = "SELECT record FROM cortex.jobs WHERE open AND id > $1 ORDER BY id LIMIT $2";
    let parameters: [Parameter<'_>; 2] = [(&&after[..], Type::BYTEA), (&sql_limit(limit), Type::INT8)];
    records(&readers.query(sql, &parameters).await?)
}

pub(super) async fn counts(readers: &impl Reader) -> Result<Vec<JobCount>, Fault> {
    let sql = "SELECT tenant, state, jobs FROM cortex.counts WHERE jobs <> 0";
    let count = |row: &Row| {
        Ok(JobCount {
            tenant: row.try_get::<_, &str>(0)?.parse().map_err(|_| Fault::Row("tenant"))?,
            state: read_state(row.try_get(1)?)?,
            jobs: row.try_get::<_, i64>(2)?.cast_unsigned(),
        })
    };
    readers.query(sql, &[]).await?.iter().map(count).collect()
}

pub(super) async fn log(readers: &Readers, id: JobId, after: Version) -> Result<Vec<Entry>, Fault> {
    let sql = "SELECT entries FROM cortex.log WHERE job = $1 AND version > $2 ORDER BY version";
    let parameters: [Parameter<'_>; 2] =
        [(&&id.as_bytes()[..], Type::BYTEA), (&after.0.cast_signed(), Type::INT8)];
    let mut entries = Vec::new();
    for row in readers.query(sql, &parameters).await? {
        entries.extend(cortex_wire::decode_log(row.try_get(0)?)?);
    }
    entries.retain(|entry| entry.version > after);
    Ok(entries)
}

pub(super) async fn outbox(
    readers: &impl Reader,
    after: Sequence,
    limit: usize,
) -> Result<Vec<Outbound>, Fault> {
    let sql = "SELECT seq, message FROM cortex.outbox WHERE seq > $1 ORDER BY seq LIMIT $2";
    let waiting = |row: &Row| {
        Ok(Outbound { sequence: read_sequence(row)?, message: cortex_wire::decode_message(row.try_get(1)?)? })
    };
    readers.query(sql, &page(&after.0.cast_signed(), &sql_limit(limit))).await?.iter().map(waiting).collect()
}

pub(super) async fn steps(
    readers: &impl Reader,
    after: Sequence,
    limit: usize,
) -> Result<Vec<JobStep>, Fault> {
    let sql = "SELECT seq, job, tenant, version, attempt, state, at FROM cortex.steps WHERE seq > $1
         ORDER BY seq LIMIT $2";
    let step = |row: &Row| {
        Ok(JobStep {
            sequence: read_sequence(row)?,
            job: JobId::from_slice(row.try_get(1)?).map_err(|_| Fault::Row("job id"))?,
            tenant: row.try_get::<_, &str>(2)?.parse().map_err(|_| Fault::Row("tenant"))?,
            version: Version(row.try_get::<_, i64>(3)?.cast_unsigned()),
            attempt: Attempt(row.try_get::<_, i32>(4)?.cast_unsigned()),
            state: read_state(row.try_get(5)?)?,
            at: Timestamp::from_millis(row.try_get::<_, i64>(6)?.cast_unsigned()),
        })
    };
    readers.query(sql, &page(&after.0.cast_signed(), &sql_limit(limit))).await?.iter().map(step).collect()
}

pub(super) async fn newest_step(readers: &Readers) -> Result<Sequence, Fault> {
    let rows = readers.query("SELECT step FROM cortex.meta", &[]).await?;
    rows.first().map_or(Err(Fault::Row("newest step")), read_sequence)
}

pub(super) async fn cursor(readers: &Readers, name: &str) -> Result<Sequence, Fault> {
    let sql = "SELECT seq FROM cortex.cursors WHERE name = $1";
    let rows = readers.query(sql, &[(&name, Type::TEXT)]).await?;
    rows.first().map_or(Ok(Sequence::default()), read_sequence)
}

pub(super) async fn audit(
    readers: &impl Reader,
    after: Sequence,
    limit: usize,
) -> Result<Vec<Audited>, Fault> {
    // The first row may hold entries on both sides of `after`, and every later one has an entry.
    let sql = "SELECT first, entries FROM cortex.audit
         WHERE first >= coalesce((SELECT max(first) FROM cortex.audit WHERE first <= $1), 0)
         ORDER BY first LIMIT $2";
    let rows = sql_limit(limit.saturating_add(1));
    let mut found = Vec::new();
    for row in readers.query(sql, &page(&after.0.cast_signed(), &rows)).await? {
        let first = read_sequence(&row)?.0;
        let entries = (first..).zip(cortex_wire::decode_audit_batch(row.try_get(1)?)?);
        let later = entries.filter(|(number, _)| *number > after.0);
        found.extend(later.map(|(number, entry)| Audited { sequence: Sequence(number), entry }));
    }
    found.truncate(limit);
    Ok(found)
}

pub(super) async fn payload(readers: &Readers, pointer: Pointer) -> Result<Option<Bytes>, Fault> {
    let (space, dispatch) = key(pointer)?;
    let sql = "SELECT body FROM cortex.payloads WHERE job = $1 AND space = $2 AND dispatch = $3";
    let job = pointer.space.job();
    let parameters: [Parameter<'_>; 3] =
        [(&&job.as_bytes()[..], Type::BYTEA), (&space, Type::INT4), (&dispatch, Type::BYTEA)];
    let rows = readers.query(sql, &parameters).await?;
    Ok(rows.first().map(|row| row.try_get::<_, Vec<u8>>(0)).transpose()?.map(Bytes::from))
}

pub(super) fn records(rows: &[Row]) -> Result<Vec<Job>, Fault> {
    rows.iter().map(|row| Ok(cortex_wire::decode_job(row.try_get(0)?)?)).collect()
}

pub(super) fn read_sequence(row: &Row) -> Result<Sequence, Fault> {
    Ok(Sequence(row.try_get::<_, i64>(0)?.cast_unsigned()))
}

pub(super) fn read_state(code: i32) -> Result<StateName, Fault> {
    u8::try_from(code).ok().and_then(StateName::from_code).ok_or(Fault::Row("state"))
}

fn page<'a>(after: &'a i64, limit: &'a i64) -> [Parameter<'a>; 2] {
    [(after, Type::INT8), (limit, Type::INT8)]
}

/// Converts a limit for Postgres.
pub(super) fn sql_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
