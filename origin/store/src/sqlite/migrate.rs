//! Brings a file that an earlier program wrote up to the schema of this one.

use rusqlite::{Connection, params};

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
