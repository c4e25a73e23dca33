//! Reads a whole database for a copy to another store, as it was at one moment.

use bytes::Bytes;
use cortex_domain::id::JobId;
use cortex_domain::ports::{Answer, Audited, JobCount, JobStep, Outbound, Sequence, StoreError};
use cortex_domain::time::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::fault::Fault;
use super::inspect::PostgresInspector;
use super::read::{self, Parameter};
use crate::copy::{CopiedJob, Cursor, Export, Numbers};

/// Maximum number of jobs in a page, whose payloads are in memory together.
const JOBS: i64 = 16;
const ROWS: usize = 1024;

impl Export for PostgresInspector {
    fn jobs(&self, after: Option<JobId>) -> Answer<'_, Result<Vec<CopiedJob>, StoreError>> {
        Box::pin(async move { Ok(jobs(self, after).await?) })
    }

    fn steps(&self, after: Sequence) -> Answer<'_, Result<Vec<JobStep>, StoreError>> {
        Box::pin(async move { Ok(read::steps(self, after, ROWS).await?) })
    }

    fn messages(&self, after: Sequence) -> Answer<'_, Result<Vec<Outbound>, StoreError>> {
        Box::pin(async move { Ok(read::outbox(self, after, ROWS).await?) })
    }

    fn entries(&self, after: Sequence) -> Answer<'_, Result<Vec<Audited>, StoreError>> {
        Box::pin(async move { Ok(read::audit(self, after, ROWS).await?) })
    }

    fn cursors(&self) -> Answer<'_, Result<Vec<Cursor>, StoreError>> {
        Box::pin(async move { Ok(cursors(self).await?) })
    }

    fn numbers(&self) -> Answer<'_, Result<Numbers, StoreError>> {
        Box::pin(async move { Ok(numbers(self).await?) })
    }

    fn counts(&self) -> Answer<'_, Result<Vec<JobCount>, StoreError>> {
        Box::pin(async move { Ok(read::counts(self).await?) })
    }
}

async fn jobs(from: &PostgresInspector, after: Option<JobId>) -> Result<Vec<CopiedJob>, Fault> {
    let sql = "SELECT record, bytes, kept_until,
             ARRAY(SELECT l.entries FROM cortex.log l WHERE l.job = j.id ORDER BY l.version),
             (SELECT p.body FROM cortex.payloads p WHERE p.job = j.id AND p.space = 1),
             (SELECT p.body FROM cortex.payloads p WHERE p.job = j.id AND p.space = 2),
             (SELECT p.body FROM cortex.payloads p
                 WHERE p.job = j.id AND p.space = 3 AND p.dispatch = j.dispatch),
             ARRAY(SELECT k.key FROM cortex.idempotency k WHERE k.tenant = j.tenant AND k.job = j.id
                 AND k.at = j.created_at)
         FROM cortex.jobs j WHERE id > $1 ORDER BY id LIMIT $2";
    let after = after.map_or([0; 16], |id| *id.as_bytes());
    let parameters: [Parameter<'_>; 2] = [(&&after[..], Type::BYTEA), (&JOBS, Type::INT8)];
    from.query(sql, &parameters).await?.iter().map(copied).collect()
}

fn copied(row: &Row) -> Result<CopiedJob, Fault> {
    let job = cortex_wire::decode_job(row.try_get(0)?)?;
    let mut log = Vec::new();
    for entries in row.try_get::<_, Vec<&[u8]>>(3)? {
        log.extend(cortex_wire::decode_log(entries)?);
    }
    let body = |at| Ok::<_, Fault>(row.try_get::<_, Option<Vec<u8>>>(at)?.map(Bytes::from));
    let keys: Vec<&str> = row.try_get(7)?;
    let holds_key = job.request.idempotency.as_ref().is_some_and(|given| keys.contains(&given.key.as_str()));
    Ok(CopiedJob {
        log,
        bytes: row.try_get::<_, i64>(1)?.cast_unsigned(),
        kept_until: Timestamp::from_millis(row.try_get::<_, i64>(2)?.cast_unsigned()),
        input: body(4)?,
        result: body(5)?,
        draft: body(6)?,
        holds_key,
        job,
    })
}

async fn cursors(from: &PostgresInspector) -> Result<Vec<Cursor>, Fault> {
    let rows = from.query("SELECT seq, name FROM cortex.cursors", &[]).await?;
    let cursor = |row: &Row| Ok(Cursor { name: row.try_get(1)?, position: read::read_sequence(row)? });
    rows.iter().map(cursor).collect()
}

async fn numbers(from: &PostgresInspector) -> Result<Numbers, Fault> {
    let rows = from.query("SELECT step, message, entry FROM cortex.meta", &[]).await?;
    let row = rows.first().ok_or(Fault::Row("numbers"))?;
    let number = |at| Ok::<_, Fault>(Sequence(row.try_get::<_, i64>(at)?.cast_unsigned()));
    Ok(Numbers { step: number(0)?, message: number(1)?, entry: number(2)? })
}
