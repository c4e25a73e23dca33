//! The audit log. All entries of one tenant in one group of writes share a row. This makes an entry
//! cheap, and the entries of each tenant can be deleted separately.

mod forget;

use std::collections::{BTreeMap, HashMap};

use cortex_domain::audit::AuditEvent;
use cortex_domain::id::Tenant;
use cortex_domain::ports::{Audited, Sequence};
use rusqlite::{Connection, OptionalExtension, params};

use super::fault::Fault;

pub(super) use forget::{forget, over_share, trim};

/// Maximum number of tenants with a running total in memory between groups.
const MAX_KNOWN_TENANTS: usize = 4096;
/// What a row counts in addition to its entries.
const ROW_OVERHEAD_BYTES: i64 = 64;

/// Entries that are not written yet, and the number of the next one.
#[derive(Debug, Default)]
pub(super) struct StagedEntries {
    entries: Vec<AuditEvent>,
    /// For each entry, what happens to it if its group fails.
    on_rollback: Vec<OnRollback>,
    next: Option<i64>,
    totals: HashMap<Tenant, RunningTotal>,
}

/// What happens to an entry if its group of writes fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum OnRollback {
    /// The entry is discarded together with the write that it belongs to.
    Discard,
    /// The entry is written with the next group. No caller waits for its flush, and the action that
    /// it records has already happened.
    Retry,
}

/// How much a tenant has written up to one of its rows. The difference between two rows stays
/// correct when rows are deleted.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct RunningTotal {
    entries: i64,
    bytes: i64,
}

impl StagedEntries {
    pub(super) fn add(&mut self, entry: AuditEvent, on_rollback: OnRollback) {
        self.entries.push(entry);
        self.on_rollback.push(on_rollback);
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.entries.truncate(len);
        self.on_rollback.truncate(len);
    }

    pub(super) fn write(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if self.entries.is_empty() {
            return Ok(());
        }
        let mut first = match self.next {
            Some(next) => next,
            None => newest(connection)? + 1,
        };
        let mut of_tenants: BTreeMap<&Tenant, Vec<&AuditEvent>> = BTreeMap::new();
        for entry in &self.entries {
            of_tenants.entry(&entry.tenant).or_default().push(entry);
        }
        if self.totals.len() > MAX_KNOWN_TENANTS {
            self.totals.clear();
        }
        for (tenant, entries) in of_tenants {
            let known = self.totals.get(tenant).copied();
            let before =
                known.map_or_else(|| newest_total(connection, tenant.as_str()), |sum| Ok(Some(sum)))?;
            let sum = insert(connection, first, before.unwrap_or_default(), tenant, &entries)?;
            first += length(&entries);
            self.totals.insert(tenant.clone(), sum);
        }
        self.next = Some(first);
        Ok(())
    }

    /// Removes the staged entries, because they were committed.
    pub(super) fn commit(&mut self) {
        self.entries.clear();
        self.on_rollback.clear();
    }

    /// Keeps only the entries to retry, because the group was rolled back.
    pub(super) fn roll_back(&mut self) {
        let on_rollback = std::mem::take(&mut self.on_rollback);
        let entries = std::mem::take(&mut self.entries).into_iter().zip(&on_rollback);
        self.entries = entries
            .filter(|(_, on_rollback)| **on_rollback == OnRollback::Retry)
            .map(|(entry, _)| entry)
            .collect();
        self.on_rollback = vec![OnRollback::Retry; self.entries.len()];
        self.next = None;
        self.totals.clear();
    }
}

/// Writes a tenant's entries as one row. Returns the tenant's new running total.
pub(super) fn insert(
    connection: &Connection,
    first: i64,
    before: RunningTotal,
    tenant: &Tenant,
    entries: &[&AuditEvent],
) -> rusqlite::Result<RunningTotal> {
    let at = entries.last().map_or(0, |last| last.at.as_millis().cast_signed());
    let batch = cortex_wire::encode_audit_batch(entries.iter().copied());
    let count = length(entries);
    let sum = RunningTotal {
        entries: before.entries + count,
        bytes: before.bytes + ROW_OVERHEAD_BYTES + length(&batch),
    };
    connection
        .prepare_cached(
            "INSERT INTO audit (first, count, at, tenant, tenant_entries, tenant_bytes, entries)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![first, count, at, tenant.as_str(), sum.entries, sum.bytes, &batch[..]])?;
    Ok(sum)
}

fn length<T>(slice: &[T]) -> i64 {
    i64::try_from(slice.len()).unwrap_or(i64::MAX)
}

/// Returns the entries after a number, oldest first.
pub(super) fn after(connection: &Connection, after: Sequence, limit: usize) -> Result<Vec<Audited>, Fault> {
    let after = after.0.cast_signed();
    let mut select = connection.prepare_cached(
        "SELECT first, entries FROM audit
         WHERE first > coalesce((SELECT max(first) FROM audit WHERE first <= ?1), 0) - 1 ORDER BY first",
    )?;
    let mut rows = select.query([after.max(0)])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        if found.len() >= limit {
            break;
        }
        let first: i64 = row.get(0)?;
        let batch = row.get_ref(1)?.as_blob().map_err(|_| Fault::Row("entries"))?;
        let entries = (first..).zip(cortex_wire::decode_audit_batch(batch)?);
        let later = entries.filter(|(number, _)| *number > after);
        found.extend(
            later.map(|(number, entry)| Audited { sequence: Sequence(number.cast_unsigned()), entry }),
        );
    }
    found.truncate(limit);
    Ok(found)
}

/// Returns the number of the newest entry, or 0 before the first.
pub(super) fn newest(connection: &Connection) -> rusqlite::Result<i64> {
    let newest = connection
        .prepare_cached("SELECT first + count - 1 FROM audit ORDER BY first DESC LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(newest.unwrap_or_default())
}

/// Returns a tenant's running total at its newest row.
fn newest_total(connection: &Connection, tenant: &str) -> rusqlite::Result<Option<RunningTotal>> {
    connection
        .prepare_cached(
            "SELECT tenant_entries, tenant_bytes FROM audit WHERE tenant = ?1 ORDER BY first DESC LIMIT 1",
        )?
        .query_row([tenant], |row| Ok(RunningTotal { entries: row.get(0)?, bytes: row.get(1)? }))
        .optional()
}
