//! The tenant's API keys, and the epochs in which they were revoked.

use cortex_guard::keys::{Caller, Epoch, KeyRecord, ShownKey};
use serde::Deserialize;
use worker::Result;

use super::sql::{Sql, number, text};

#[derive(Deserialize)]
struct Row {
    record: String,
    revoked: Option<u64>,
}

/// Who calls with a key; `None` if it is unknown here, wrong or revoked.
pub(super) fn caller(sql: &Sql, shown: &ShownKey) -> Result<Option<Caller>> {
    let query = "SELECT record, revoked FROM key WHERE id = ?";
    let Some(row) = sql.first::<Row>(query, vec![text(shown.id.as_str())])? else { return Ok(None) };
    let record: KeyRecord = serde_json::from_str(&row.record)?;
    Ok(record.admit(shown, row.revoked.map(Epoch)))
}

/// How many keys there are, revoked ones included.
pub(super) fn count(sql: &Sql) -> Result<u64> {
    sql.count("SELECT count(*) AS count FROM key")
}

/// Keeps a new key, in the present epoch.
pub(super) fn put(sql: &Sql, mut record: KeyRecord) -> Result<KeyRecord> {
    record.epoch = epoch(sql)?;
    let json = serde_json::to_string(&record)?;
    sql.run("INSERT INTO key (id, record) VALUES (?, ?)", vec![text(record.id.as_str()), text(&json)])?;
    Ok(record)
}

/// All keys, and whether each is revoked.
pub(super) fn all(sql: &Sql) -> Result<Vec<(KeyRecord, bool)>> {
    let rows: Vec<Row> = sql.rows("SELECT record, revoked FROM key ORDER BY id", vec![])?;
    let read = |row: Row| Ok((serde_json::from_str(&row.record)?, row.revoked.is_some()));
    rows.into_iter().map(read).collect()
}

/// What is known of a key.
pub(super) fn record(sql: &Sql, id: &str) -> Result<Option<KeyRecord>> {
    let row: Option<Row> = sql.first("SELECT record, revoked FROM key WHERE id = ?", vec![text(id)])?;
    row.map(|row| Ok(serde_json::from_str(&row.record)?)).transpose()
}

/// Revokes a key, in an epoch of its own. Whether there is such a key.
pub(super) fn revoke(sql: &Sql, id: &str) -> Result<bool> {
    let revoked = epoch(sql)?.next();
    let query = "UPDATE key SET revoked = coalesce(revoked, ?) WHERE id = ? RETURNING id";
    let row: Option<serde::de::IgnoredAny> = sql.first(query, vec![number(revoked.0), text(id)])?;
    Ok(row.is_some())
}

/// How many revocations there were.
fn epoch(sql: &Sql) -> Result<Epoch> {
    #[derive(Deserialize)]
    struct Max {
        epoch: Option<u64>,
    }
    let row: Option<Max> = sql.first("SELECT max(revoked) AS epoch FROM key", vec![])?;
    Ok(Epoch(row.and_then(|row| row.epoch).unwrap_or(0)))
}
