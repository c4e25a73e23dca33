//! The jobs of idempotency keys, whether or not their callers wait for them.

use std::time::Duration;

use cortex_domain::id::JobId;
use cortex_domain::time::Timestamp;
use serde::Deserialize;
use worker::{Error, Result};

use super::entry::Idempotency;
use crate::object::sql::{Sql, Statement, number, text, time};

/// How long keys are kept. A row takes at most half a kilobyte.
const RETENTION: Duration = Duration::from_secs(24 * 3600);

/// The prior use of an idempotency key.
pub(super) enum PriorUse {
    Unused,
    /// The key was used for the same request, which created the job with this id.
    SameRequest(JobId),
    /// The key was used for a different request.
    OtherRequest,
}

pub(super) fn prior_use(sql: &Sql, asked: &Idempotency) -> Result<PriorUse> {
    #[derive(Deserialize)]
    struct Known {
        fingerprint: String,
        job: String,
    }
    let query = "SELECT fingerprint, job FROM idempotency WHERE key = ?";
    match sql.first::<Known>(Statement::new(query, vec![text(&asked.key)]))? {
        None => Ok(PriorUse::Unused),
        Some(known) if known.fingerprint == asked.fingerprint => {
            let corrupt = |_| Error::RustError("an idempotency key refers to an invalid job id".to_owned());
            known.job.parse().map(PriorUse::SameRequest).map_err(corrupt)
        }
        Some(_) => Ok(PriorUse::OtherRequest),
    }
}

pub(super) fn remember(sql: &Sql, asked: &Idempotency, job: &JobId, now: Timestamp) -> Result<()> {
    let query = "INSERT OR REPLACE INTO idempotency (key, fingerprint, job, at) VALUES (?, ?, ?, ?)";
    let bindings = vec![text(&asked.key), text(&asked.fingerprint), text(&job.to_string()), time(now)];
    sql.run(Statement::new(query, bindings))
}

/// Deletes old keys.
pub(super) fn prune(sql: &Sql, now: Timestamp) -> Result<()> {
    let retention = u64::try_from(RETENTION.as_millis()).unwrap_or(u64::MAX);
    let horizon = number(now.as_millis().saturating_sub(retention));
    sql.run(Statement::new("DELETE FROM idempotency WHERE at < ?", vec![horizon]))
}

/// Returns the number of stored keys.
pub(super) fn count(sql: &Sql) -> Result<u64> {
    Ok(sql.number("SELECT count(*) AS number FROM idempotency")?.unwrap_or(0))
}

/// Deletes a number of the oldest keys, except the key of the current request.
pub(super) fn forget_oldest(sql: &Sql, keys: u64, asked: &Idempotency) -> Result<()> {
    let query = "DELETE FROM idempotency WHERE key IN
        (SELECT key FROM idempotency WHERE key != ? ORDER BY at LIMIT ?)";
    sql.run(Statement::new(query, vec![text(&asked.key), number(keys)]))
}
