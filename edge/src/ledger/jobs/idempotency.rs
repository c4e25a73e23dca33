//! Which job an idempotency key stands for, whether its caller waits for the job or not.

use cortex_domain::time::Timestamp;
use serde::Deserialize;
use worker::Result;

use super::call::Idempotency;
use super::sql::{Sql, number, text, time};

/// How long keys are remembered. A row takes at most half a kilobyte.
const KEEP_MS: u64 = 24 * 3_600_000;

/// What was asked before under an idempotency key.
pub(super) enum Earlier {
    Nothing,
    /// The same, and the job with this id was made of it.
    Same(String),
    Other,
}

pub(super) fn earlier(sql: &Sql, asked: &Idempotency) -> Result<Earlier> {
    #[derive(Deserialize)]
    struct Known {
        fingerprint: String,
        job: String,
    }
    let query = "SELECT fingerprint, job FROM idempotency WHERE key = ?";
    Ok(match sql.first::<Known>(query, vec![text(&asked.key)])? {
        None => Earlier::Nothing,
        Some(known) if known.fingerprint == asked.fingerprint => Earlier::Same(known.job),
        Some(_) => Earlier::Other,
    })
}

pub(super) fn remember(sql: &Sql, asked: &Idempotency, job: &str, now: Timestamp) -> Result<()> {
    sql.run(
        "INSERT OR REPLACE INTO idempotency (key, fingerprint, job, at) VALUES (?, ?, ?, ?)",
        vec![text(&asked.key), text(&asked.fingerprint), text(job), time(now)],
    )
}

/// Forgets old keys.
pub(super) fn prune(sql: &Sql, now: Timestamp) -> Result<()> {
    let horizon = now.as_millis().saturating_sub(KEEP_MS);
    sql.run("DELETE FROM idempotency WHERE at < ?", vec![number(horizon)])
}

/// How many keys are remembered.
pub(super) fn count(sql: &Sql) -> Result<u64> {
    sql.count("SELECT count(*) AS count FROM idempotency")
}

/// Forgets so many of the oldest keys, and not the one that was asked with now.
pub(super) fn forget_oldest(sql: &Sql, keys: u64, asked: &Idempotency) -> Result<()> {
    sql.run(
        "DELETE FROM idempotency WHERE key IN
         (SELECT key FROM idempotency WHERE key != ? ORDER BY at LIMIT ?)",
        vec![text(&asked.key), number(keys)],
    )
}
