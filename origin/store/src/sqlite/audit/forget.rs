//! Deletes entries of the audit log: expired ones of every tenant, and the oldest of a tenant that
//! exceeds its share.

use cortex_domain::retention::Retention;
use cortex_domain::time::Timestamp;
use rusqlite::{Connection, params};

use super::super::fault::Fault;
use super::super::forget::DELETE_BATCH;
use super::super::jobs::sql_limit;
use super::{RunningTotal, newest, newest_total};

/// What was deleted of a tenant that exceeds its share.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in super::super) struct Trimmed {
    pub(in super::super) rows: usize,
    /// How many of the deleted entries had not expired.
    pub(in super::super) early: u64,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    first: i64,
    count: i64,
    at: i64,
    sum: RunningTotal,
}

impl Row {
    fn is_old(&self, retention: &Retention, now: Timestamp) -> bool {
        now.since(Timestamp::from_millis(self.at.cast_unsigned())) >= retention.audit
    }

    /// Returns whether the tenant's entries after this row already fill its share.
    fn exceeds_share(&self, newest: RunningTotal, retention: &Retention) -> bool {
        let share = |most: u64| i64::try_from(most).unwrap_or(i64::MAX).max(1);
        newest.entries - self.sum.entries >= share(retention.audit_entries)
            || newest.bytes - self.sum.bytes >= share(retention.audit_bytes)
    }
}

/// Deletes a few expired rows and returns how many. The last row stays, so that no number is used
/// twice.
pub(in super::super) fn forget(
    connection: &Connection,
    retention: &Retention,
    now: Timestamp,
) -> Result<usize, Fault> {
    let newest = newest(connection)?;
    let mut select = connection.prepare_cached(
        "SELECT first, count, at, tenant_entries, tenant_bytes FROM audit ORDER BY first LIMIT ?1",
    )?;
    let rows = select.query_map([sql_limit(DELETE_BATCH)], row)?.collect::<rusqlite::Result<Vec<_>>>()?;
    let goes = |row: &&Row| row.first + row.count <= newest && row.is_old(retention, now);
    let mut deleted = 0;
    for row in rows.iter().take_while(goes) {
        deleted += delete(connection, row)?;
    }
    Ok(deleted)
}

/// Returns the tenants that exceed their share.
pub(in super::super) fn over_share(
    connection: &Connection,
    retention: &Retention,
) -> Result<Vec<String>, Fault> {
    // Steps from one tenant to the next, because `DISTINCT` would read the whole index.
    let mut select = connection.prepare_cached(
        "WITH RECURSIVE each(tenant) AS (
             SELECT min(tenant) FROM audit WHERE tenant > ''
             UNION ALL
             SELECT (SELECT min(tenant) FROM audit WHERE tenant > each.tenant) FROM each WHERE each.tenant NOT NULL
         ) SELECT tenant FROM each WHERE tenant NOT NULL",
    )?;
    let tenants = select.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
    let mut over = Vec::new();
    for tenant in tenants {
        let newest = newest_total(connection, &tenant)?.unwrap_or_default();
        if oldest(connection, &tenant, 1)?.iter().any(|row| row.exceeds_share(newest, retention)) {
            over.push(tenant);
        }
    }
    Ok(over)
}

/// Deletes a few of the oldest rows of a tenant that exceeds its share. After enough calls, its
/// share is left and at most one more row.
pub(in super::super) fn trim(
    connection: &Connection,
    tenant: &str,
    retention: &Retention,
    now: Timestamp,
) -> Result<Trimmed, Fault> {
    let newest = newest_total(connection, tenant)?.unwrap_or_default();
    let mut trimmed = Trimmed::default();
    for row in oldest(connection, tenant, DELETE_BATCH)?
        .iter()
        .take_while(|row| row.exceeds_share(newest, retention))
    {
        trimmed.rows += delete(connection, row)?;
        if !row.is_old(retention, now) {
            trimmed.early += row.count.cast_unsigned();
        }
    }
    Ok(trimmed)
}

/// Returns the oldest rows of a tenant.
fn oldest(connection: &Connection, tenant: &str, limit: usize) -> rusqlite::Result<Vec<Row>> {
    connection
        .prepare_cached(
            "SELECT first, count, at, tenant_entries, tenant_bytes FROM audit
             WHERE tenant = ?1 ORDER BY first LIMIT ?2",
        )?
        .query_map(params![tenant, sql_limit(limit)], row)?
        .collect()
}

fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    let sum = RunningTotal { entries: row.get(3)?, bytes: row.get(4)? };
    Ok(Row { first: row.get(0)?, count: row.get(1)?, at: row.get(2)?, sum })
}

fn delete(connection: &Connection, row: &Row) -> rusqlite::Result<usize> {
    connection.prepare_cached("DELETE FROM audit WHERE first = ?1")?.execute([row.first])
}
