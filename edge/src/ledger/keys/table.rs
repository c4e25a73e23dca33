//! The table of keys, and the epochs in which they were revoked.

use cortex_domain::id::KeyId;
use cortex_guard::keys::{Caller, Epoch, KeyRecord, ShownKey};
use serde::Deserialize;
use worker::Result;

use crate::object::sql::{Sql, Statement, number, text};

#[derive(Deserialize)]
struct Row {
    record: String,
    revoked: Option<u64>,
}

/// Returns the caller with a key, or `None` if the key is unknown, wrong or revoked.
pub(super) fn caller(sql: &Sql, shown: &ShownKey) -> Result<Option<Caller>> {
    let Some(row) = row(sql, shown.id.as_str())? else { return Ok(None) };
    let record: KeyRecord = serde_json::from_str(&row.record)?;
    Ok(record.admit(shown, row.revoked.map(Epoch)))
}

/// Returns the number of keys, including revoked ones.
pub(super) fn count(sql: &Sql) -> Result<u64> {
    Ok(sql.number("SELECT count(*) AS number FROM key")?.unwrap_or(0))
}

/// Stores a new key in the current epoch.
pub(super) fn put(sql: &Sql, mut record: KeyRecord) -> Result<KeyRecord> {
    record.epoch = epoch(sql)?;
    let json = serde_json::to_string(&record)?;
    let query = "INSERT INTO key (id, record) VALUES (?, ?)";
    sql.run(Statement::new(query, vec![text(record.id.as_str()), text(&json)]))?;
    Ok(record)
}

/// Returns all keys, and whether each is revoked.
pub(super) fn all(sql: &Sql) -> Result<Vec<(KeyRecord, bool)>> {
    let rows: Vec<Row> = sql.rows(Statement::new("SELECT record, revoked FROM key ORDER BY id", vec![]))?;
    let read = |row: Row| Ok((serde_json::from_str(&row.record)?, row.revoked.is_some()));
    rows.into_iter().map(read).collect()
}

/// Returns the record of a key.
pub(super) fn record(sql: &Sql, id: &str) -> Result<Option<KeyRecord>> {
    row(sql, id)?.map(|row| Ok(serde_json::from_str(&row.record)?)).transpose()
}

/// Revokes a key in a new epoch. Returns whether the key exists.
pub(super) fn revoke(sql: &Sql, id: &KeyId) -> Result<bool> {
    let revoked = epoch(sql)?.next();
    let query = "UPDATE key SET revoked = coalesce(revoked, ?) WHERE id = ? RETURNING id";
    sql.any(Statement::new(query, vec![number(revoked.0), text(id.as_str())]))
}

fn row(sql: &Sql, id: &str) -> Result<Option<Row>> {
    sql.first(Statement::new("SELECT record, revoked FROM key WHERE id = ?", vec![text(id)]))
}

/// Returns the number of revocations.
fn epoch(sql: &Sql) -> Result<Epoch> {
    Ok(Epoch(sql.number("SELECT max(revoked) AS number FROM key")?.unwrap_or(0)))
}
