//! Brings a file that an earlier program wrote up to the schema of this one.

use std::time::Duration;

use rusqlite::{Connection, params};

use super::usage;

/// From schema 1, where each entry of a log was a row of its own.
pub(super) fn gather_logs(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("ALTER TABLE log RENAME COLUMN entry TO entries")?;
    let mut select = connection.prepare("SELECT job, version, entries FROM log")?;
    let mut update = connection.prepare("UPDATE log SET entries = ?3 WHERE job = ?1 AND version = ?2")?;
    // Read whole before any is written: a row that moves would be read twice.
    let rows: Vec<(Vec<u8>, i64, Vec<u8>)> = select
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (job, version, entry) in rows {
        update.execute(params![job, version, &cortex_wire::log_of_one(&entry)[..]])?;
    }
    Ok(())
}

/// From schema 2, where nothing was counted and nothing was ever deleted. Keys are kept from when their jobs came.
pub(super) fn count(connection: &Connection, keys: Duration) -> rusqlite::Result<()> {
    connection.execute_batch(
        "ALTER TABLE jobs ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
         ALTER TABLE jobs ADD COLUMN kept_until INTEGER NOT NULL DEFAULT 0;
         ALTER TABLE idempotency ADD COLUMN at INTEGER NOT NULL DEFAULT 0;
         UPDATE idempotency SET at = (SELECT created_at FROM jobs WHERE id = job);",
    )?;
    connection.execute_batch(include_str!("retention.sql"))?;
    connection.execute(
        "UPDATE jobs SET bytes = ?1 + length(record)
             + (SELECT coalesce(sum(length(body)), 0) FROM payloads p WHERE p.job = jobs.id AND p.space IN (1, 2))",
        [usage::ROWS.cast_signed()],
    )?;
    connection.execute(
        "UPDATE jobs SET kept_until = created_at + ?1 WHERE id IN (SELECT job FROM idempotency)",
        [i64::try_from(keys.as_millis()).unwrap_or(i64::MAX)],
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
