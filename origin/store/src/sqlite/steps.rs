//! The steps of durable jobs in the order of writes, and the position of each reader.

use cortex_domain::event::Entry;
use cortex_domain::job::{Job, Version};
use cortex_domain::ports::{JobStep, Sequence};
use cortex_domain::state::{Attempt, StateName};
use cortex_domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::fault::Fault;
use super::jobs::{read_id, sql_limit};

pub(super) fn append(connection: &Connection, job: &Job, entries: &[Entry]) -> Result<(), Fault> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO steps (job, tenant, version, attempt, state, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for entry in entries {
        insert.execute(params![
            job.id().as_bytes(),
            job.tenant().as_str(),
            entry.version.0.cast_signed(),
            entry.attempt.0,
            entry.state.code(),
            entry.at.as_millis().cast_signed(),
        ])?;
    }
    Ok(())
}

pub(super) fn after(connection: &Connection, after: Sequence, limit: usize) -> Result<Vec<JobStep>, Fault> {
    let mut select = connection.prepare_cached(
        "SELECT seq, job, tenant, version, attempt, state, at FROM steps WHERE seq > ?1 ORDER BY seq LIMIT ?2",
    )?;
    let mut rows = select.query(params![after.0.cast_signed(), sql_limit(limit)])?;
    let mut steps = Vec::new();
    while let Some(row) = rows.next()? {
        steps.push(read(row)?);
    }
    Ok(steps)
}

fn read(row: &Row<'_>) -> Result<JobStep, Fault> {
    Ok(JobStep {
        sequence: Sequence(row.get::<_, i64>(0)?.cast_unsigned()),
        job: read_id(&row.get::<_, Vec<u8>>(1)?)?,
        tenant: row.get::<_, String>(2)?.parse().map_err(|_| Fault::Row("tenant"))?,
        version: Version(row.get::<_, i64>(3)?.cast_unsigned()),
        attempt: Attempt(row.get(4)?),
        state: StateName::from_code(row.get(5)?).ok_or(Fault::Row("state"))?,
        at: Timestamp::from_millis(row.get::<_, i64>(6)?.cast_unsigned()),
    })
}

pub(super) fn newest(connection: &Connection) -> Result<Sequence, Fault> {
    let newest: Option<i64> =
        connection.prepare_cached("SELECT max(seq) FROM steps")?.query_row([], |row| row.get(0))?;
    Ok(newest.map_or_else(Sequence::default, |seq| Sequence(seq.cast_unsigned())))
}

pub(super) fn cursor(connection: &Connection, name: &str) -> Result<Sequence, Fault> {
    let found: Option<i64> = connection
        .prepare_cached("SELECT seq FROM cursors WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?;
    Ok(found.map_or_else(Sequence::default, |seq| Sequence(seq.cast_unsigned())))
}

pub(super) fn set_cursor(connection: &Connection, name: &str, to: Sequence) -> Result<(), Fault> {
    connection
        .prepare_cached("INSERT INTO cursors (name, seq) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET seq = ?2")?
        .execute(params![name, to.0.cast_signed()])?;
    Ok(())
}
