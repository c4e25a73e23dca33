//! The statements on the table of jobs. They are values, so that tests can run them on their own
//! database.

use std::time::Duration;

use cortex_domain::id::JobId;
use cortex_domain::time::Timestamp;
use cortex_guard::ledger::LedgerJob;

use super::requests::ListJobs;
use super::row::{COLUMNS, Stored, encode};
use crate::object::sql::{Statement, Value, number, text, time};

/// How long, and how many, jobs are kept that the ledger no longer holds.
const RETENTION: Duration = Duration::from_secs(24 * 3600);
const MAX_RETAINED: u64 = 10_000;

/// When the next job is due.
pub(in crate::ledger) const NEXT_DUE: &str = "SELECT due AS number FROM job
    WHERE due IS NOT NULL AND place IN ('waiting', 'sending') ORDER BY due LIMIT 1";

/// The number of jobs that wait for the origin, and the size of their bodies, wherever they are
/// stored. Rows of older versions do not have the length of the body.
pub(super) const HELD: &str = "SELECT count(*) AS jobs, coalesce(sum(coalesce(
        CASE WHEN json_valid(facts) THEN nullif(json_extract(facts, '$.bytes'), 0) END, length(message), 0)), 0) AS bytes
    FROM job WHERE due IS NOT NULL AND place IN ('waiting', 'sending')";

/// Adds a job with its message.
pub(super) fn insert(stored: &Stored, message: &str) -> Result<Statement, serde_json::Error> {
    let query = "INSERT INTO job
        (place, state, version, updated, sends, due, origin_id, error, id, created, facts, hops, message)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let mut bindings = encode(&stored.job)?.to_vec();
    bindings.extend([
        text(&stored.job.id.to_string()),
        time(stored.created),
        text(&serde_json::to_string(&stored.facts)?),
        text(&stored.hops),
        text(message),
    ]);
    Ok(Statement::new(query, bindings))
}

const WRITE: &str = "UPDATE job SET place = ?1, state = ?2, version = ?3, updated = ?4, sends = ?5, due = ?6,
    origin_id = ?7, error = ?8, message = CASE WHEN ?6 IS NULL THEN NULL ELSE message END WHERE id = ?9";

/// Writes a transition. The message is deleted when the ledger no longer holds the job.
pub(super) fn write(job: &LedgerJob) -> Result<Statement, serde_json::Error> {
    let mut bindings = encode(job)?.to_vec();
    bindings.push(text(&job.id.to_string()));
    Ok(Statement::new(WRITE, bindings))
}

/// Writes a transition, and returns the message.
pub(super) fn write_for_sender(job: &LedgerJob) -> Result<Statement, serde_json::Error> {
    let written = write(job)?;
    Ok(Statement { query: format!("{WRITE} RETURNING message").into(), ..written })
}

pub(super) fn find(id: &JobId) -> Statement {
    Statement::new(format!("SELECT {COLUMNS} FROM job WHERE id = ?"), vec![text(&id.to_string())])
}

/// Finds the jobs with an id at the origin or in the ledger.
pub(super) fn find_at_origin(id: &JobId) -> Statement {
    let query = format!("SELECT {COLUMNS} FROM job WHERE id = ?1 OR origin_id = ?1");
    Statement::new(query, vec![text(&id.to_string())])
}

/// Lists jobs by decreasing id.
pub(super) fn list(asked: &ListJobs) -> Statement {
    let ListJobs { state, topic, before, limit, all } = asked;
    let ours = if *all { "" } else { "place != 'origin' AND" };
    let query = format!(
        "SELECT {COLUMNS} FROM job WHERE {ours} (?1 IS NULL OR state = ?1)
         AND (?2 IS NULL OR json_valid(facts) AND json_extract(facts, '$.topic') = ?2) AND (?3 IS NULL OR id < ?3)
         ORDER BY id DESC LIMIT ?4"
    );
    let limit = number(u64::try_from(*limit).unwrap_or(u64::MAX));
    Statement::new(query, vec![state.clone().into(), topic.clone().into(), before.clone().into(), limit])
}

/// Lists the ids of jobs to send now, oldest first. A job with an expired lease is due.
pub(super) fn due(now: Timestamp, limit: u64) -> Statement {
    let query =
        "SELECT id FROM job WHERE due <= ? AND place IN ('waiting', 'sending') ORDER BY due, id LIMIT ?";
    Statement::new(query, vec![time(now), number(limit)])
}

/// Applies `LedgerEvent::Woken` to every job, because the origin is reachable.
pub(super) fn wake(now: Timestamp) -> Statement {
    let query = "UPDATE job SET due = ?1 WHERE place = 'waiting' AND sends > 0 AND due > ?1";
    Statement::new(query, vec![time(now)])
}

/// Applies `LedgerEvent::Delayed` to every job, because the origin is unreachable.
pub(super) fn delay(now: Timestamp, until: Timestamp) -> Statement {
    let query = "UPDATE job SET due = ?, sends = max(sends, 1) WHERE place = 'waiting' AND due <= ?";
    Statement::new(query, vec![time(until), time(now)])
}

/// Sets a corrupt row aside under an unused place, so that it is never sent. None of its data is
/// lost.
pub(super) fn set_aside(id: &str) -> Statement {
    let query = "UPDATE job SET place = 'corrupt ' || place WHERE id = ? AND place IN ('waiting', 'sending')";
    Statement::new(query, vec![text(id)])
}

/// Deletes old jobs that the ledger no longer holds. Corrupt rows stay for inspection.
pub(super) fn prune(now: Timestamp) -> [Statement; 2] {
    const RELEASED: &str = "due IS NULL AND place IN ('origin', 'ended')";
    let retention = u64::try_from(RETENTION.as_millis()).unwrap_or(u64::MAX);
    let horizon: Value = number(now.as_millis().saturating_sub(retention));
    [
        Statement::new(format!("DELETE FROM job WHERE {RELEASED} AND updated < ?"), vec![horizon]),
        Statement::new(
            format!(
                "DELETE FROM job WHERE id IN
                 (SELECT id FROM job WHERE {RELEASED} ORDER BY id DESC LIMIT -1 OFFSET ?)"
            ),
            vec![number(MAX_RETAINED)],
        ),
    ]
}
