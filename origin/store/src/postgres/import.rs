//! Fills an empty database from another store.

use std::collections::HashMap;
use std::time::Duration;

use cortex_domain::audit::AuditEvent;
use cortex_domain::id::Tenant;
use cortex_domain::pointer::Memory;
use cortex_domain::ports::{Answer, Audited, JobStep, Outbound, StoreError};
use tokio::time::timeout;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Transaction};

use super::fault::Fault;
use super::open;
use super::write::{millis, size};
use crate::copy::{CopiedJob, Cursor, Import, Numbers, Page};
use crate::record::is_open;
use crate::server::{ServerError, ServerOptions};

/// What an audit row counts in addition to its entries.
const ROW_OVERHEAD_BYTES: i64 = 64;
/// How long a page may take, and the end, which counts everything.
const WRITE_TIMEOUT: Duration = Duration::from_secs(600);

/// A database that is being filled. No process can open it as a store before it is finished.
#[derive(Debug)]
pub struct PostgresImport {
    client: Client,
    /// The entries and bytes of each tenant in the audit log so far.
    totals: HashMap<Tenant, (i64, i64)>,
}

impl PostgresImport {
    /// Makes the tables in an empty database, and marks them as a copy that is incomplete.
    ///
    /// # Errors
    /// Returns an error if the server can't be used or its database has a store.
    pub async fn create(options: &ServerOptions) -> Result<Self, ServerError> {
        Ok(Self { client: open::empty(options).await?, totals: HashMap::new() })
    }

    async fn page(&mut self, page: Page) -> Result<(), Fault> {
        let transaction = self.client.transaction().await?;
        // Only the end of the copy must be flushed.
        transaction.batch_execute("SET LOCAL synchronous_commit = off").await?;
        match page {
            Page::Jobs(page) => {
                for job in &page {
                    insert_job(&transaction, job).await?;
                }
            }
            Page::Steps(page) => insert_steps(&transaction, &page).await?,
            Page::Messages(page) => insert_messages(&transaction, &page).await?,
            Page::Entries(page) => insert_entries(&transaction, &mut self.totals, &page).await?,
            Page::Cursors(page) => insert_cursors(&transaction, &page).await?,
        }
        Ok(transaction.commit().await?)
    }

    async fn end(&mut self, numbers: Numbers) -> Result<(), Fault> {
        let transaction = self.client.transaction().await?;
        transaction
            .batch_execute(
                "SET LOCAL synchronous_commit = on;
                 INSERT INTO cortex.usage (tenant, jobs, open, bytes, keys)
                     SELECT j.tenant, count(*), count(*) FILTER (WHERE j.open), sum(j.bytes),
                         (SELECT count(*) FROM cortex.idempotency i WHERE i.tenant = j.tenant)
                     FROM cortex.jobs j GROUP BY j.tenant;
                 INSERT INTO cortex.counts (tenant, state, jobs)
                     SELECT tenant, state, count(*) FROM cortex.jobs GROUP BY tenant, state",
            )
            .await?;
        let [step, message, entry] =
            [numbers.step, numbers.message, numbers.entry].map(|number| number.0.cast_signed());
        let sql = "UPDATE cortex.meta SET step = $1, message = $2, entry = $3, incomplete = false";
        let numbers = [(&step as _, Type::INT8), (&message as _, Type::INT8), (&entry as _, Type::INT8)];
        execute(&transaction, sql, &numbers).await?;
        Ok(transaction.commit().await?)
    }
}

impl Import for PostgresImport {
    fn memory(&self) -> Memory {
        Memory::Local
    }

    fn write(&mut self, page: Page) -> Answer<'_, Result<(), StoreError>> {
        Box::pin(within_deadline(self.page(page)))
    }

    fn finish(&mut self, numbers: Numbers) -> Answer<'_, Result<(), StoreError>> {
        Box::pin(within_deadline(self.end(numbers)))
    }
}

async fn within_deadline(write: impl Future<Output = Result<(), Fault>> + Send) -> Result<(), StoreError> {
    let written = timeout(WRITE_TIMEOUT, write).await;
    Ok(written.unwrap_or(Err(Fault::Timeout(WRITE_TIMEOUT.as_secs())))?)
}

type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

async fn execute(to: &Transaction<'_>, sql: &str, parameters: &[Parameter<'_>]) -> Result<(), Fault> {
    to.execute_typed(sql, parameters).await?;
    Ok(())
}

async fn insert_job(to: &Transaction<'_>, copied: &CopiedJob) -> Result<(), Fault> {
    let job = &copied.job;
    let job_id = job.id();
    let id = &job_id.as_bytes()[..];
    let tenant = job.tenant().as_str();
    let dispatch = job.state.lease().map(|lease| lease.dispatch.as_bytes().to_vec());
    let created_at = millis(job.request.created_at);
    let version = job.version.0.cast_signed();
    execute(
        to,
        "INSERT INTO cortex.jobs (id, tenant, topic, state, version, open, dispatch, created_at, updated_at,
             bytes, kept_until, record)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        &[
            (&id, Type::BYTEA),
            (&tenant, Type::TEXT),
            (&job.topic().as_str(), Type::TEXT),
            (&i32::from(job.state.name().code()), Type::INT4),
            (&version, Type::INT8),
            (&is_open(job), Type::BOOL),
            (&dispatch, Type::BYTEA),
            (&created_at, Type::INT8),
            (&millis(job.updated_at), Type::INT8),
            (&copied.bytes.cast_signed(), Type::INT8),
            (&millis(copied.kept_until), Type::INT8),
            (&&cortex_wire::encode_job(job)[..], Type::BYTEA),
        ],
    )
    .await?;
    if !copied.log.is_empty() {
        let log = cortex_wire::encode_log(&copied.log);
        let sql = "INSERT INTO cortex.log (job, version, entries) VALUES ($1, $2, $3)";
        execute(to, sql, &[(&id, Type::BYTEA), (&version, Type::INT8), (&&log[..], Type::BYTEA)]).await?;
    }
    let bodies = [
        (1, Some(Vec::new()), &copied.input),
        (2, Some(Vec::new()), &copied.result),
        (3, dispatch, &copied.draft),
    ];
    for (space, place, body) in bodies {
        if let (Some(place), Some(body)) = (place, body) {
            let sql = "INSERT INTO cortex.payloads (job, space, dispatch, body) VALUES ($1, $2, $3, $4)";
            let (space, body): (i32, &[u8]) = (space, body);
            let row: [Parameter<'_>; 4] =
                [(&id, Type::BYTEA), (&space, Type::INT4), (&place, Type::BYTEA), (&body, Type::BYTEA)];
            execute(to, sql, &row).await?;
        }
    }
    let Some(key) = copied.key() else { return Ok(()) };
    execute(
        to,
        "INSERT INTO cortex.idempotency (tenant, key, fingerprint, job, at) VALUES ($1, $2, $3, $4, $5)",
        &[
            (&tenant, Type::TEXT),
            (&key.key.as_str(), Type::TEXT),
            (&&key.fingerprint.0[..], Type::BYTEA),
            (&id, Type::BYTEA),
            (&created_at, Type::INT8),
        ],
    )
    .await
}

async fn insert_steps(to: &Transaction<'_>, page: &[JobStep]) -> Result<(), Fault> {
    let numbers: Vec<i64> = page.iter().map(|step| step.sequence.0.cast_signed()).collect();
    let jobs: Vec<Vec<u8>> = page.iter().map(|step| step.job.as_bytes().to_vec()).collect();
    let tenants: Vec<&str> = page.iter().map(|step| step.tenant.as_str()).collect();
    let versions: Vec<i64> = page.iter().map(|step| step.version.0.cast_signed()).collect();
    let attempts: Vec<i32> = page.iter().map(|step| step.attempt.0.cast_signed()).collect();
    let states: Vec<i32> = page.iter().map(|step| i32::from(step.state.code())).collect();
    let times: Vec<i64> = page.iter().map(|step| millis(step.at)).collect();
    execute(
        to,
        "INSERT INTO cortex.steps (seq, job, tenant, version, attempt, state, at)
         SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7)",
        &[
            (&numbers, Type::INT8_ARRAY),
            (&jobs, Type::BYTEA_ARRAY),
            (&tenants, Type::TEXT_ARRAY),
            (&versions, Type::INT8_ARRAY),
            (&attempts, Type::INT4_ARRAY),
            (&states, Type::INT4_ARRAY),
            (&times, Type::INT8_ARRAY),
        ],
    )
    .await
}

async fn insert_messages(to: &Transaction<'_>, page: &[Outbound]) -> Result<(), Fault> {
    let numbers: Vec<i64> = page.iter().map(|outbound| outbound.sequence.0.cast_signed()).collect();
    let messages: Vec<Vec<u8>> =
        page.iter().map(|outbound| cortex_wire::encode_message(&outbound.message).to_vec()).collect();
    let sql = "INSERT INTO cortex.outbox (seq, message) SELECT * FROM unnest($1, $2)";
    execute(to, sql, &[(&numbers, Type::INT8_ARRAY), (&messages, Type::BYTEA_ARRAY)]).await
}

/// Writes entries that follow each other and have the same tenant as one row.
async fn insert_entries(
    to: &Transaction<'_>,
    totals: &mut HashMap<Tenant, (i64, i64)>,
    page: &[Audited],
) -> Result<(), Fault> {
    let follows = |one: &Audited, next: &Audited| {
        one.sequence.0 + 1 == next.sequence.0 && one.entry.tenant == next.entry.tenant
    };
    for row in page.chunk_by(follows) {
        let (Some(first), Some(last)) = (row.first(), row.last()) else { continue };
        let entries: Vec<&AuditEvent> = row.iter().map(|audited| &audited.entry).collect();
        let batch = cortex_wire::encode_audit_batch(entries);
        let total = totals.entry(first.entry.tenant.clone()).or_default();
        *total = (total.0 + size(row.len()), total.1 + ROW_OVERHEAD_BYTES + size(batch.len()));
        execute(
            to,
            "INSERT INTO cortex.audit (first, count, at, tenant, tenant_entries, tenant_bytes, entries)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            &[
                (&first.sequence.0.cast_signed(), Type::INT8),
                (&size(row.len()), Type::INT8),
                (&millis(last.entry.at), Type::INT8),
                (&first.entry.tenant.as_str(), Type::TEXT),
                (&total.0, Type::INT8),
                (&total.1, Type::INT8),
                (&&batch[..], Type::BYTEA),
            ],
        )
        .await?;
    }
    Ok(())
}

async fn insert_cursors(to: &Transaction<'_>, page: &[Cursor]) -> Result<(), Fault> {
    for cursor in page {
        let position = cursor.position.0.cast_signed();
        let sql = "INSERT INTO cortex.cursors (name, seq) VALUES ($1, $2)";
        execute(to, sql, &[(&cursor.name, Type::TEXT), (&position, Type::INT8)]).await?;
    }
    Ok(())
}
