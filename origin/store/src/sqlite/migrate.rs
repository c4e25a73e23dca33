//! Migrates a file to the schema of this program. Numbered files are applied in order, each once.

use cortex_domain::retention::Retention;

use rusqlite::{Connection, params};

use crate::record::JOB_OVERHEAD_BYTES;

/// The migration from one schema to the next.
struct Migration {
    sql: &'static str,
    /// The part of the migration that SQL can't express.
    then: fn(&Connection, &Retention) -> rusqlite::Result<()>,
}

const MIGRATIONS: [Migration; 6] = [
    Migration { sql: include_str!("migrations/0001_jobs.sql"), then: |_, _| Ok(()) },
    Migration { sql: include_str!("migrations/0002_logs.sql"), then: gather_logs },
    Migration { sql: include_str!("migrations/0003_retention.sql"), then: count },
    Migration { sql: include_str!("migrations/0004_audit.sql"), then: |_, _| Ok(()) },
    Migration { sql: include_str!("migrations/0005_audit_shares.sql"), then: |_, _| Ok(()) },
    Migration { sql: include_str!("migrations/0006_topics.sql"), then: |_, _| Ok(()) },
];

/// The schema that this program writes: the number of the last migration.
#[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "there are few")]
pub(super) const SCHEMA_VERSION: i32 = MIGRATIONS.len() as i32;

/// Applies the migrations that a file of schema `found` has not had. A new file has schema 0.
pub(super) fn apply(connection: &Connection, found: i32, retention: &Retention) -> rusqlite::Result<()> {
    let done = usize::try_from(found).unwrap_or_default();
    for Migration { sql, then } in MIGRATIONS.iter().skip(done) {
        connection.execute_batch(sql)?;
        then(connection, retention)?;
    }
    connection.pragma_update(None, "user_version", SCHEMA_VERSION)
}

/// Migrates from schema 1, where each entry of a log had its own row.
fn gather_logs(connection: &Connection, _: &Retention) -> rusqlite::Result<()> {
    let mut select = connection.prepare("SELECT job, version, entries FROM log")?;
    let mut update = connection.prepare("UPDATE log SET entries = ?3 WHERE job = ?1 AND version = ?2")?;
    // All rows are read before any is written. Otherwise a row that moves would be read twice.
    let rows: Vec<(Vec<u8>, i64, Vec<u8>)> = select
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (job, version, entry) in rows {
        update.execute(params![job, version, &cortex_wire::log_of_one(&entry)[..]])?;
    }
    Ok(())
}

/// Migrates from schema 2, which counted and deleted nothing. Keys are kept from the creation of
/// their jobs.
fn count(connection: &Connection, retention: &Retention) -> rusqlite::Result<()> {
    connection.execute(
        "UPDATE jobs SET bytes = ?1 + length(record)
             + (SELECT coalesce(sum(length(body)), 0) FROM payloads p WHERE p.job = jobs.id AND p.space IN (1, 2))",
        [JOB_OVERHEAD_BYTES.cast_signed()],
    )?;
    connection.execute(
        "UPDATE jobs SET kept_until = created_at + ?1 WHERE id IN (SELECT job FROM idempotency)",
        [i64::try_from(retention.keys.as_millis()).unwrap_or(i64::MAX)],
    )?;
    connection.execute_batch(
        "INSERT INTO usage (tenant, jobs, open, bytes, keys)
             SELECT tenant, count(*), sum(open), sum(bytes),
                 (SELECT count(*) FROM idempotency i WHERE i.tenant = jobs.tenant)
             FROM jobs GROUP BY tenant;
         INSERT INTO loose (job) SELECT DISTINCT job FROM payloads
             WHERE space = 1 AND NOT EXISTS (SELECT 1 FROM jobs WHERE id = job);",
    )
}
