//! SQL with the rows read into structs.

use cortex_domain::time::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use worker::{Result, SqlStorage, SqlStorageValue};

pub(super) type Value = SqlStorageValue;

/// The object's own SQLite database. Writes between two awaits are one transaction, and no answer leaves
/// the object before they are on disk.
#[derive(Debug)]
pub(super) struct Sql(pub(super) SqlStorage);

impl Sql {
    pub(super) fn run(&self, query: &str, bindings: Vec<Value>) -> Result<()> {
        self.0.exec(query, bindings)?.to_array::<serde::de::IgnoredAny>().map(|_| ())
    }

    pub(super) fn rows<T: DeserializeOwned>(&self, query: &str, bindings: Vec<Value>) -> Result<Vec<T>> {
        self.0.exec(query, bindings)?.to_array()
    }

    /// Whether there are tables.
    pub(super) fn is_founded(&self) -> Result<bool> {
        let query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'key'";
        Ok(self.first::<serde::de::IgnoredAny>(query, vec![])?.is_some())
    }

    /// Makes the tables that are missing.
    pub(super) fn found(&self) -> Result<bool> {
        self.run(SCHEMA, vec![]).map(|()| true)
    }

    /// Runs a query of one row and its column `count`.
    pub(super) fn count(&self, query: &str) -> Result<u64> {
        #[derive(Deserialize)]
        struct Row {
            count: u64,
        }
        Ok(self.first::<Row>(query, vec![])?.map_or(0, |row| row.count))
    }

    pub(super) fn first<T: DeserializeOwned>(&self, query: &str, bindings: Vec<Value>) -> Result<Option<T>> {
        Ok(self.rows(query, bindings)?.into_iter().next())
    }
}

pub(super) fn text(text: &str) -> Value {
    text.into()
}

/// Milliseconds fit a JavaScript number for the next 285,000 years.
pub(super) fn time(at: Timestamp) -> Value {
    i64::try_from(at.as_millis()).unwrap_or(i64::MAX).into()
}

pub(super) fn number(number: u64) -> Value {
    i64::try_from(number).unwrap_or(i64::MAX).into()
}

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS job (
    id TEXT PRIMARY KEY,
    place TEXT NOT NULL,        -- waiting, sending: ours; origin, ended: not any more
    state TEXT NOT NULL,
    version INTEGER NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    facts TEXT NOT NULL,
    hops TEXT NOT NULL,
    message TEXT,               -- the envelope, as long as it is ours
    sends INTEGER NOT NULL,     -- attempts to deliver it that failed
    due INTEGER,                -- when to send it (waiting), or when the attempt counts as lost (sending)
    origin_id TEXT NOT NULL,
    error TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS job_due ON job (due) WHERE due IS NOT NULL;
CREATE INDEX IF NOT EXISTS job_ours ON job (id) WHERE place != 'origin';
CREATE INDEX IF NOT EXISTS job_origin ON job (origin_id);
CREATE TABLE IF NOT EXISTS idempotency (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, job TEXT NOT NULL, at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS idempotency_at ON idempotency (at);
CREATE TABLE IF NOT EXISTS key (id TEXT PRIMARY KEY, record TEXT NOT NULL, revoked INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS untold (
    key TEXT PRIMARY KEY, since INTEGER NOT NULL, attempts INTEGER NOT NULL, due INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS nonce (signed INTEGER NOT NULL, nonce TEXT NOT NULL, PRIMARY KEY (signed, nonce)) WITHOUT ROWID;
";
