//! Counts how much each tenant has, in the transaction that changes it.

use std::time::Duration;

use cortex_domain::id::Tenant;
use cortex_domain::ports::StoreError;
use cortex_domain::retention::{Bound, Retention, RetentionExceeded, Usage};
use cortex_domain::state::StateName;
use cortex_domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::fault::Fault;
use super::forget;
use super::transaction::Transaction;

/// A change of what a tenant has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Delta {
    pub(super) jobs: i64,
    pub(super) open: i64,
    pub(super) bytes: i64,
    pub(super) keys: i64,
}

impl Delta {
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            jobs: self.jobs + other.jobs,
            open: self.open + other.open,
            bytes: self.bytes + other.bytes,
            keys: self.keys + other.keys,
        }
    }

    pub(super) fn minus(self, other: Self) -> Self {
        self.plus(Self { jobs: -other.jobs, open: -other.open, bytes: -other.bytes, keys: -other.keys })
    }

    pub(super) fn as_usage(self) -> Usage {
        let number = |number: i64| u64::try_from(number).unwrap_or_default();
        Usage {
            jobs: number(self.jobs),
            open: number(self.open),
            bytes: number(self.bytes),
            keys: number(self.keys),
        }
    }
}

/// Counts what a tenant adds. If that is one job too many, the oldest ended jobs are deleted.
///
/// # Errors
/// Returns an error if the tenant still exceeds a limit. The caller must roll back what the request
/// has written.
pub(super) fn add(
    transaction: &Transaction,
    tenant: &Tenant,
    delta: Delta,
    retention: &Retention,
    now: Timestamp,
) -> Result<(), Fault> {
    let mut usage = transaction.count(tenant, delta)?;
    if matches!(retention.exceeded(usage), Some((Bound::Jobs, _)))
        && forget::trim_tenant(transaction, tenant, now)? > 0
    {
        usage = transaction.count(tenant, Delta::default())?;
    }
    let Some((bound, most)) = retention.exceeded(usage) else { return Ok(()) };
    let again = match bound {
        Bound::Bytes => oldest(transaction, tenant)?.map(|at| at.after(retention.ended).since(now)),
        Bound::Keys | Bound::Jobs => {
            oldest_key(transaction, tenant)?.map(|at| at.after(retention.keys).since(now))
        }
        Bound::OpenJobs => None,
    };
    let again = again.map(|wait| wait.max(Duration::from_secs(1)));
    Err(StoreError::RetentionExceeded(RetentionExceeded { bound, most, again }).into())
}

/// Returns when the tenant's oldest ended job ended.
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
