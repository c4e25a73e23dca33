//! Reads everything that a database holds, for a check. Other processes may use it meanwhile: every
//! check reads the content of the moment at which the inspector was opened.

use std::time::Duration;

use cortex_domain::id::{DispatchId, JobId, Tenant};
use cortex_domain::job::Version;
use cortex_domain::ports::{Answer, Inspect, StoreError};
use cortex_domain::transition::OutboxMessage;
use cortex_domain::verify::{Finding, JobIndex, StoredJob};
use tokio::time::timeout;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

use super::fault::Fault;
use super::open;
use super::read::{Parameter, Reader, read_sequence, read_state, sql_limit};
use crate::server::{ServerError, ServerOptions};

/// Maximum number of findings of each kind.
const MAX_FINDINGS: i64 = 1000;
/// Maximum number of messages that one statement reads.
const MESSAGES: i64 = 1024;
/// How long one statement may take. The totals need a walk over all jobs.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(600);
/// Begins a transaction whose statements all see the moment of its first statement. A check may be
/// slow between two statements, and its plans walk over whole tables.
const SNAPSHOT: &str = "SET statement_timeout = '590s'; SET idle_in_transaction_session_timeout = '600s';
     SET enable_seqscan = on; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
     SELECT 1 FROM cortex.meta";

/// A store on a Postgres server that is only read, at one moment.
#[derive(Debug)]
pub struct PostgresInspector(Client);

impl PostgresInspector {
    /// Opens the store without disturbing a process that uses it.
    ///
    /// # Errors
    /// Returns an error if the server can't be reached, or if it has no store of this schema and
    /// installation.
    pub async fn open(options: &ServerOptions) -> Result<Self, ServerError> {
        let (client, server) = open::existing(options).await?;
        client
            .batch_execute(SNAPSHOT)
            .await
            .map_err(|error| ServerError::Failed { server, cause: super::fault::describe(&error) })?;
        Ok(Self(client))
    }

    pub(super) async fn query(&self, sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>, Fault> {
        match timeout(STATEMENT_TIMEOUT, self.0.query_typed(sql, parameters)).await {
            Ok(rows) => Ok(rows?),
            Err(_) => Err(Fault::Timeout(STATEMENT_TIMEOUT.as_secs())),
        }
    }

    async fn page(&self, after: Option<JobId>, limit: usize) -> Result<Vec<StoredJob>, Fault> {
        let sql = "SELECT record, tenant, topic, state, version, open, dispatch,
                 EXISTS (SELECT 1 FROM cortex.payloads p WHERE p.job = j.id AND p.space = 1),
                 EXISTS (SELECT 1 FROM cortex.payloads p WHERE p.job = j.id AND p.space = 2),
                 ARRAY(SELECT l.entries FROM cortex.log l WHERE l.job = j.id ORDER BY l.version)
             FROM cortex.jobs j WHERE id > $1 ORDER BY id LIMIT $2";
        let after = after.map_or([0; 16], |id| *id.as_bytes());
        let parameters: [Parameter<'_>; 2] = [(&&after[..], Type::BYTEA), (&sql_limit(limit), Type::INT8)];
        self.query(sql, &parameters).await?.iter().map(stored).collect()
    }

    async fn rest(&self) -> Result<Vec<Finding>, Fault> {
        let mut findings = self.usage().await?;
        findings.extend(self.counts().await?);
        findings.extend(self.keys().await?);
        findings.extend(self.orphans().await?);
        findings.extend(self.messages().await?);
        Ok(findings)
    }

    /// Compares the totals of each tenant with its jobs and keys.
    async fn usage(&self) -> Result<Vec<Finding>, Fault> {
        let sql = "WITH found (tenant, jobs, open, bytes, keys) AS (
                 SELECT tenant, sum(jobs), sum(open), sum(bytes), sum(keys) FROM (
                     SELECT tenant, count(*) AS jobs, count(*) FILTER (WHERE open) AS open, sum(bytes) AS bytes,
                             0 AS keys FROM cortex.jobs GROUP BY tenant
                     UNION ALL SELECT tenant, 0, 0, 0, count(*) FROM cortex.idempotency GROUP BY tenant
                 ) AS each GROUP BY tenant)
             SELECT coalesce(u.tenant, f.tenant),
                 coalesce(u.jobs, 0), coalesce(f.jobs, 0)::bigint, coalesce(u.open, 0), coalesce(f.open, 0)::bigint,
                 coalesce(u.bytes, 0), coalesce(f.bytes, 0)::bigint, coalesce(u.keys, 0), coalesce(f.keys, 0)::bigint
             FROM cortex.usage u FULL JOIN found f ON u.tenant = f.tenant
             WHERE (coalesce(u.jobs, 0), coalesce(u.open, 0), coalesce(u.bytes, 0), coalesce(u.keys, 0))
                 <> (coalesce(f.jobs, 0), coalesce(f.open, 0), coalesce(f.bytes, 0), coalesce(f.keys, 0))
             LIMIT $1";
        let mut findings = Vec::new();
        for row in self.query(sql, &[(&MAX_FINDINGS, Type::INT8)]).await? {
            for (n, of) in ["jobs", "open jobs", "bytes", "idempotency keys"].into_iter().enumerate() {
                let (kept, found): (i64, i64) = (row.try_get(1 + 2 * n)?, row.try_get(2 + 2 * n)?);
                findings.extend(count(tenant(&row)?, of, kept, found));
            }
        }
        Ok(findings)
    }

    /// Compares the number of jobs in each state with the jobs.
    async fn counts(&self) -> Result<Vec<Finding>, Fault> {
        let sql = "SELECT coalesce(c.tenant, f.tenant), coalesce(c.state, f.state), coalesce(c.jobs, 0),
                 coalesce(f.jobs, 0)
             FROM cortex.counts c FULL JOIN
                 (SELECT tenant, state, count(*) AS jobs FROM cortex.jobs GROUP BY tenant, state) AS f
                 ON c.tenant = f.tenant AND c.state = f.state
             WHERE coalesce(c.jobs, 0) <> coalesce(f.jobs, 0) LIMIT $1";
        let mut findings = Vec::new();
        for row in self.query(sql, &[(&MAX_FINDINGS, Type::INT8)]).await? {
            let state = read_state(row.try_get(1)?)?;
            findings.extend(count(tenant(&row)?, state.as_str(), row.try_get(2)?, row.try_get(3)?));
        }
        Ok(findings)
    }

    async fn keys(&self) -> Result<Vec<Finding>, Fault> {
        let sql = "SELECT tenant, job FROM cortex.idempotency k
             WHERE NOT EXISTS (SELECT 1 FROM cortex.jobs j WHERE j.id = k.job) LIMIT $1";
        let rows = self.query(sql, &[(&MAX_FINDINGS, Type::INT8)]).await?;
        rows.iter().map(|row| Ok(Finding::KeyWithoutJob { tenant: tenant(row)?, job: id(row, 1)? })).collect()
    }

    /// Finds logs and payloads without a job. Drafts, and inputs of calls that may still be
    /// persisted, are deleted in the background.
    async fn orphans(&self) -> Result<Vec<Finding>, Fault> {
        let sql = "SELECT DISTINCT job, 0 FROM cortex.log l
                 WHERE NOT EXISTS (SELECT 1 FROM cortex.jobs j WHERE j.id = l.job)
             UNION ALL SELECT job, space FROM cortex.payloads p WHERE space IN (1, 2)
                 AND NOT EXISTS (SELECT 1 FROM cortex.jobs j WHERE j.id = p.job)
                 AND NOT EXISTS (SELECT 1 FROM cortex.loose o WHERE o.job = p.job)
             LIMIT $1";
        let rows = self.query(sql, &[(&MAX_FINDINGS, Type::INT8)]).await?;
        let orphan = |row: &Row| {
            let of = match row.try_get::<_, i32>(1)? {
                0 => "log",
                1 => "input",
                _ => "result",
            };
            Ok(Finding::Orphan { job: id(row, 0)?, of })
        };
        rows.iter().map(orphan).collect()
    }

    async fn messages(&self) -> Result<Vec<Finding>, Fault> {
        let (mut findings, mut after) = (Vec::new(), 0_i64);
        loop {
            let sql = "SELECT seq, message FROM cortex.outbox WHERE seq > $1 ORDER BY seq LIMIT $2";
            let rows = self.query(sql, &[(&after, Type::INT8), (&MESSAGES, Type::INT8)]).await?;
            let Some(last) = rows.last() else { return Ok(findings) };
            after = last.try_get(0)?;
            let (mut jobs, mut sequences) = (Vec::new(), Vec::new());
            for row in &rows {
                let message = cortex_wire::decode_message(row.try_get(1)?)?;
                let (OutboxMessage::Submit { job, .. } | OutboxMessage::Abort { job, .. }) = message;
                jobs.push(job.as_bytes().to_vec());
                sequences.push(read_sequence(row)?.0.cast_signed());
            }
            let sql = "SELECT x.job, x.seq FROM unnest($1, $2) AS x (job, seq)
                 WHERE NOT EXISTS (SELECT 1 FROM cortex.jobs j WHERE j.id = x.job)";
            let missing =
                self.query(sql, &[(&jobs, Type::BYTEA_ARRAY), (&sequences, Type::INT8_ARRAY)]).await?;
            for row in missing {
                let sequence = row.try_get::<_, i64>(1)?.cast_unsigned();
                findings.push(Finding::MessageWithoutJob { sequence, job: id(&row, 0)? });
            }
        }
    }
}

impl Reader for PostgresInspector {
    fn query(
        &self,
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> impl Future<Output = Result<Vec<Row>, Fault>> + Send {
        Self::query(self, sql, parameters)
    }
}

impl Inspect for PostgresInspector {
    fn inspect(&self, after: Option<JobId>, limit: usize) -> Answer<'_, Result<Vec<StoredJob>, StoreError>> {
        Box::pin(async move { Ok(self.page(after, limit).await?) })
    }

    fn inspect_rest(&self) -> Answer<'_, Result<Vec<Finding>, StoreError>> {
        Box::pin(async move { Ok(self.rest().await?) })
    }
}

fn stored(row: &Row) -> Result<StoredJob, Fault> {
    let mut log = Vec::new();
    for entries in row.try_get::<_, Vec<&[u8]>>(9)? {
        log.extend(cortex_wire::decode_log(entries)?);
    }
    Ok(StoredJob {
        job: cortex_wire::decode_job(row.try_get(0)?)?,
        index: index(row)?,
        unlisted: Vec::new(),
        log,
        has_input: row.try_get(7)?,
        has_result: row.try_get(8)?,
    })
}

fn index(row: &Row) -> Result<JobIndex, Fault> {
    let dispatch = row.try_get::<_, Option<&[u8]>>(6)?;
    let dispatch = dispatch.map(|bytes| bytes.try_into().map_err(|_| Fault::Row("dispatch"))).transpose()?;
    Ok(JobIndex {
        tenant: row.try_get::<_, &str>(1)?.parse().map_err(|_| Fault::Row("tenant"))?,
        topic: row.try_get::<_, &str>(2)?.parse().map_err(|_| Fault::Row("topic"))?,
        state: read_state(row.try_get(3)?)?,
        version: Version(row.try_get::<_, i64>(4)?.cast_unsigned()),
        open: row.try_get(5)?,
        dispatch: dispatch.map(DispatchId::new),
    })
}

fn count(tenant: Tenant, of: &'static str, kept: i64, found: i64) -> Option<Finding> {
    let (kept, found) = (kept.cast_unsigned(), found.cast_unsigned());
    (kept != found).then_some(Finding::Count { tenant, of, kept, found })
}

fn tenant(row: &Row) -> Result<Tenant, Fault> {
    row.try_get::<_, &str>(0)?.parse().map_err(|_| Fault::Row("tenant"))
}

fn id(row: &Row, at: usize) -> Result<JobId, Fault> {
    JobId::from_slice(row.try_get(at)?).map_err(|_| Fault::Row("job id"))
}
