//! The write connection with the totals of the tenants, which are written once for all requests of
//! a group.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Deref;

use cortex_domain::audit::AuditEvent;
use cortex_domain::id::Tenant;
use cortex_domain::retention::Usage;
use rusqlite::{Connection, OptionalExtension, params};

use super::audit::{OnRollback, StagedEntries};
use super::fault::Fault;
use super::usage::Delta;

/// Maximum number of tenants with totals in memory between groups.
const MAX_KNOWN_TENANTS: usize = 4096;

/// What a request writes with. It derefs to a connection for everything except the totals.
#[derive(Debug)]
pub(super) struct Transaction {
    connection: Connection,
    totals: RefCell<Totals>,
    audit: RefCell<StagedEntries>,
}

#[derive(Debug, Default)]
struct Totals {
    known: HashMap<Tenant, Total>,
    /// The changes since the last flush, so that they can be rolled back.
    counted: Vec<(Tenant, Delta)>,
}

#[derive(Clone, Copy, Debug)]
struct Total {
    has: Delta,
    /// The totals in the table.
    flushed: Delta,
}

/// A point to which counted changes and staged entries can be rolled back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Savepoint {
    counted: usize,
    staged: usize,
}

impl Transaction {
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection, totals: RefCell::default(), audit: RefCell::default() }
    }

    /// Counts a change. Returns the tenant's new usage.
    pub(super) fn count(&self, tenant: &Tenant, delta: Delta) -> Result<Usage, Fault> {
        let totals = &mut *self.totals.borrow_mut();
        if !totals.known.contains_key(tenant) {
            let flushed = read(&self.connection, tenant)?;
            totals.known.insert(tenant.clone(), Total { has: flushed, flushed });
        }
        let Some(total) = totals.known.get_mut(tenant) else { return Ok(Usage::default()) };
        total.has = total.has.plus(delta);
        totals.counted.push((tenant.clone(), delta));
        Ok(total.has.as_usage())
    }

    /// Adds an entry to the audit log. All entries of a tenant in a group share a row.
    pub(super) fn audit(&self, entry: AuditEvent, on_rollback: OnRollback) {
        self.audit.borrow_mut().add(entry, on_rollback);
    }

    /// Returns whether entries of a group that failed are still to be written.
    pub(super) fn has_retries(&self) -> bool {
        self.audit.borrow().len() > 0
    }

    /// Records that the flushed data is committed.
    pub(super) fn mark_committed(&self) {
        self.audit.borrow_mut().commit();
    }

    pub(super) fn savepoint(&self) -> Savepoint {
        Savepoint { counted: self.totals.borrow().counted.len(), staged: self.audit.borrow().len() }
    }

    /// Rolls back what was counted and staged since, together with the rollback of the connection.
    pub(super) fn roll_back_to(&self, savepoint: Savepoint) {
        self.audit.borrow_mut().truncate(savepoint.staged);
        let totals = &mut *self.totals.borrow_mut();
        for (tenant, delta) in totals.counted.drain(savepoint.counted..) {
            if let Some(total) = totals.known.get_mut(&tenant) {
                total.has = total.has.minus(delta);
            }
        }
    }

    /// Writes the totals that have changed, and the entries of the audit log.
    pub(super) fn flush(&self) -> rusqlite::Result<()> {
        self.audit.borrow_mut().write(&self.connection)?;
        let totals = &mut *self.totals.borrow_mut();
        for (tenant, _) in totals.counted.drain(..) {
            let Some(total) = totals.known.get_mut(&tenant).filter(|total| total.has != total.flushed) else {
                continue;
            };
            write(&self.connection, &tenant, total.has)?;
            total.flushed = total.has;
        }
        if totals.known.len() > MAX_KNOWN_TENANTS {
            totals.known.clear();
        }
        Ok(())
    }

    /// Discards all totals and entries after a rollback, because the group may have written some of
    /// them. Entries to retry are kept for the next group.
    pub(super) fn discard_group(&self) {
        *self.totals.borrow_mut() = Totals::default();
        self.audit.borrow_mut().roll_back();
    }
}

impl Deref for Transaction {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

fn read(connection: &Connection, tenant: &Tenant) -> rusqlite::Result<Delta> {
    let found = connection
        .prepare_cached("SELECT jobs, open, bytes, keys FROM usage WHERE tenant = ?1")?
        .query_row([tenant.as_str()], |row| {
            Ok(Delta { jobs: row.get(0)?, open: row.get(1)?, bytes: row.get(2)?, keys: row.get(3)? })
        })
        .optional()?;
    Ok(found.unwrap_or_default())
}

/// Writes a tenant's totals. A tenant without data has no row.
fn write(connection: &Connection, tenant: &Tenant, has: Delta) -> rusqlite::Result<()> {
    let tenant = tenant.as_str();
    if has == Delta::default() {
        return connection.prepare_cached("DELETE FROM usage WHERE tenant = ?1")?.execute([tenant]).map(drop);
    }
    let Delta { jobs, open, bytes, keys } = has;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO usage (tenant, jobs, open, bytes, keys) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![tenant, jobs, open, bytes, keys])
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transaction() -> Transaction {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch("CREATE TABLE usage (tenant TEXT PRIMARY KEY, jobs, open, bytes, keys); BEGIN")
            .unwrap();
        Transaction::new(connection)
    }

    fn bytes(bytes: i64) -> Delta {
        Delta { bytes, ..Delta::default() }
    }

    #[test]
    fn totals_are_written_once_without_changes_that_were_rolled_back() {
        let transaction = transaction();
        let tenant: Tenant = "a".parse().unwrap();
        transaction.count(&tenant, bytes(5)).unwrap();
        let savepoint = transaction.savepoint();
        assert_eq!(transaction.count(&tenant, bytes(7)).unwrap().bytes, 12);
        transaction.roll_back_to(savepoint);
        assert_eq!(read(&transaction, &tenant).unwrap(), Delta::default());
        transaction.flush().unwrap();
        assert_eq!(read(&transaction, &tenant).unwrap(), bytes(5));
        assert_eq!(transaction.count(&tenant, bytes(1)).unwrap().bytes, 6);
    }

    #[test]
    fn totals_of_a_group_that_was_rolled_back_are_read_again() {
        let transaction = transaction();
        let tenant: Tenant = "a".parse().unwrap();
        transaction.execute_batch("COMMIT; BEGIN").unwrap();
        transaction.count(&tenant, bytes(5)).unwrap();
        transaction.flush().unwrap();
        transaction.execute_batch("ROLLBACK").unwrap();
        transaction.discard_group();
        assert_eq!(transaction.count(&tenant, bytes(1)).unwrap().bytes, 1);
    }
}
