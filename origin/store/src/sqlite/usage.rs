//! How much each tenant has, counted in the same transaction as what it counts.

use std::time::Duration;

use cortex_domain::id::Tenant;
use cortex_domain::ports::StoreError;
use cortex_domain::retention::{Beyond, Bound, Retention, Usage};
use cortex_domain::state::StateName;
use cortex_domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::fault::Fault;
use super::forget;

/// What a job counts beside its payloads and its record: its log, its steps and its places in the indexes.
pub(super) const ROWS: u64 = 1024;

/// A change of what a tenant has.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Delta {
    pub(super) jobs: i64,
    pub(super) open: i64,
    pub(super) bytes: i64,
    pub(super) keys: i64,
}

/// Counts a change; gives what the tenant then has.
pub(super) fn count(connection: &Connection, tenant: &Tenant, delta: Delta) -> Result<Usage, Fault> {
    let Delta { jobs, open, bytes, keys } = delta;
    let usage = connection
        .prepare_cached(
            "INSERT INTO usage (tenant, jobs, open, bytes, keys) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET
                 jobs = jobs + ?2, open = open + ?3, bytes = bytes + ?4, keys = keys + ?5
             RETURNING jobs, open, bytes, keys",
        )?
        .query_row(params![tenant.as_str(), jobs, open, bytes, keys], |row| {
            let number = |column| row.get::<_, i64>(column).map(|n| u64::try_from(n).unwrap_or_default());
            Ok(Usage { jobs: number(0)?, open: number(1)?, bytes: number(2)?, keys: number(3)? })
        })?;
    Ok(usage)
}

/// Counts what a tenant adds. Where that is one job too many, the oldest that have ended make room.
///
/// # Errors
/// If it then has more than it may: what the request has written is to be undone.
pub(super) fn add(
    connection: &Connection,
    tenant: &Tenant,
    delta: Delta,
    retention: &Retention,
    now: Timestamp,
) -> Result<(), Fault> {
    let usage = count(connection, tenant, delta)?;
    let Some((bound, most)) = retention.beyond(usage) else { return Ok(()) };
    if bound == Bound::Jobs && forget::trim(connection, tenant, now)? > 0 {
        return Ok(());
    }
    let again = match bound {
        Bound::Bytes => oldest(connection, tenant)?.map(|at| at.after(retention.ended).since(now)),
        Bound::Keys | Bound::Jobs => {
            oldest_key(connection, tenant)?.map(|at| at.after(retention.keys).since(now))
        }
        Bound::OpenJobs => None,
    };
    let again = again.map(|wait| wait.max(Duration::from_secs(1)));
    Err(StoreError::Beyond(Beyond { bound, most, again }).into())
}

/// When the tenant's oldest job that has ended did so.
fn oldest(connection: &Connection, tenant: &Tenant) -> Result<Option<Timestamp>, Fault> {
    let mut select = connection.prepare_cached(
        "SELECT updated_at FROM jobs WHERE tenant = ?1 AND state = ?2 AND open = 0 ORDER BY id LIMIT 1",
    )?;
    let mut oldest: Option<i64> = None;
    for state in StateName::ALL.iter().filter(|state| state.is_terminal()) {
        let at = select.query_row(params![tenant.as_str(), state.code()], |row| row.get(0)).optional()?;
        oldest = [oldest, at].into_iter().flatten().min();
    }
    Ok(oldest.map(|at| Timestamp::from_millis(at.cast_unsigned())))
}

fn oldest_key(connection: &Connection, tenant: &Tenant) -> Result<Option<Timestamp>, Fault> {
    let at: Option<i64> = connection
        .prepare_cached("SELECT min(at) FROM idempotency WHERE tenant = ?1")?
        .query_row([tenant.as_str()], |row| row.get(0))?;
    Ok(at.map(|at| Timestamp::from_millis(at.cast_unsigned())))
}
