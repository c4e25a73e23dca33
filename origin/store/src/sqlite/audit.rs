//! The audit log. The entries of one group of writes are one row, so that an entry costs little.

use cortex_domain::audit::AuditEvent;
use cortex_domain::ports::{Audited, Sequence};
use cortex_domain::retention::Retention;
use cortex_domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::fault::Fault;
use super::forget::AT_ONCE;

/// Entries kept at most, of all tenants; the oldest go first.
const MAX_ENTRIES: i64 = 5_000_000;

/// Entries that are not written yet, and the number of the next one.
#[derive(Debug, Default)]
pub(super) struct Staged {
    entries: Vec<AuditEvent>,
    /// Of each entry, what becomes of it if its group fails.
    fates: Vec<Fate>,
    next: Option<i64>,
}

/// What becomes of an entry whose group of writes fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    /// It goes with what it was written with.
    Undone,
    /// It is written with the next group: nothing waits for its flush, and what it is about is done already.
    Carried,
}

impl Staged {
    pub(super) fn add(&mut self, entry: AuditEvent, fate: Fate) {
        self.entries.push(entry);
        self.fates.push(fate);
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.entries.truncate(len);
        self.fates.truncate(len);
    }

    pub(super) fn write(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let Some(last) = self.entries.last() else { return Ok(()) };
        let first = match self.next {
            Some(next) => next,
            None => newest(connection)? + 1,
        };
        let count = i64::try_from(self.entries.len()).unwrap_or(i64::MAX);
        let at = last.at.as_millis().cast_signed();
        let batch = cortex_wire::encode_audit_batch(&self.entries);
        connection
            .prepare_cached("INSERT INTO audit (first, count, at, entries) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![first, count, at, &batch[..]])?;
        self.next = Some(first + count);
        Ok(())
    }

    /// What was written is committed.
    pub(super) fn committed(&mut self) {
        self.entries.clear();
        self.fates.clear();
    }

    /// What was written is undone.
    pub(super) fn undone(&mut self) {
        let fates = std::mem::take(&mut self.fates);
        let entries = std::mem::take(&mut self.entries).into_iter().zip(&fates);
        self.entries = entries.filter(|(_, fate)| **fate == Fate::Carried).map(|(entry, _)| entry).collect();
        self.fates = vec![Fate::Carried; self.entries.len()];
        self.next = None;
    }
}

/// The entries after a number, the oldest first.
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

/// Deletes old rows, a few at a time, and returns how many. The last one stays, so that no number is given twice.
pub(super) fn forget(connection: &Connection, retention: &Retention, now: Timestamp) -> Result<usize, Fault> {
    let newest = newest(connection)?;
    let mut select =
        connection.prepare_cached("SELECT first, count, at FROM audit ORDER BY first LIMIT ?1")?;
    let rows = select.query_map([i64::try_from(AT_ONCE).unwrap_or(i64::MAX)], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
    })?;
    let rows: Vec<(i64, i64, i64)> = rows.collect::<rusqlite::Result<_>>()?;
    let is_old = |(first, count, at): &&(i64, i64, i64)| {
        let last = first + count - 1;
        let age = now.since(Timestamp::from_millis(at.cast_unsigned()));
        last < newest && (age >= retention.audit || newest - last >= MAX_ENTRIES)
    };
    let mut delete = connection.prepare_cached("DELETE FROM audit WHERE first = ?1")?;
    let mut deleted = 0;
    for (first, ..) in rows.iter().take_while(is_old) {
        deleted += delete.execute([first])?;
    }
    Ok(deleted)
}

/// The number of the newest entry; 0 before the first.
fn newest(connection: &Connection) -> rusqlite::Result<i64> {
    let newest = connection
        .prepare_cached("SELECT first + count - 1 FROM audit ORDER BY first DESC LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(newest.unwrap_or_default())
}
