//! The tenant's jobs: those the origin hasn't taken yet, with all it takes to send them, and for a while
//! where the others stand.

use cortex_api::problem::ErrorView;
use cortex_api::{HoldView, JobView, StateLine, hops};
use cortex_domain::job::Hop;
use cortex_domain::state::StateName;
use cortex_domain::time::Timestamp;
use cortex_guard::keys::Caller;
use serde::Deserialize;
use serde::de::IgnoredAny;
use worker::{Error, Result};

use super::call::{Entry, Facts, Listing, NewJob, Place};
use super::sql::{Sql, number, text, time};
use crate::envelope::Envelope;

/// How long the queue has before the ledger sends a job itself, in milliseconds.
const GRACE_MS: u64 = 3000;
/// After which time an attempt that nobody reported on counts as lost, in milliseconds; longer than one takes.
const LEASE_MS: u64 = 12_000;
/// How long, and how many, jobs are kept that are not ours any more.
const KEEP_MS: u64 = 24 * 3_600_000;
const KEEP: u64 = 10_000;

/// What a job takes: its body, wherever it lies.
const BYTES: &str = "coalesce(json_extract(facts, '$.bytes'), length(message), 0)";
const COLUMNS: &str =
    "id, place, state, version, created, updated, facts, hops, sends, due, origin_id, error";

#[derive(Deserialize)]
struct Row {
    id: String,
    place: String,
    state: String,
    version: u64,
    created: u64,
    updated: u64,
    facts: String,
    hops: String,
    sends: u32,
    due: Option<u64>,
    origin_id: String,
    error: Option<String>,
}

/// What it takes to let go of a job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Released {
    /// It wasn't ours any more.
    NotOurs,
    /// So many bytes are free again. A body that is parked can go.
    Ours { bytes: u64, parked: bool },
}

/// What waits for the origin.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub(super) struct Waiting {
    pub(super) jobs: u64,
    pub(super) bytes: u64,
}

/// Commits a job in the caller's name. The time of the commit becomes a hop of its envelope.
pub(super) fn record(sql: &Sql, job: &NewJob, by: &Caller, now: Timestamp) -> Result<Option<Entry>> {
    let (envelope, body) = Envelope::decode(&job.message).map_err(|error| Error::RustError(error.0))?;
    let mut envelope = envelope.by(by);
    envelope.add_hop(Hop { name: hops::LEDGER.to_owned(), at: now });
    let message = envelope.encode(body.unwrap_or_default())?;
    let facts = serde_json::to_string(&job.facts)?;
    sql.run(
        "INSERT INTO job (id, place, state, version, created, updated, facts, hops, message, sends, due, origin_id)
         VALUES (?1, 'waiting', 'PENDING', 0, ?2, ?3, ?4, ?5, ?6, 0, ?7, ?1)",
        vec![
            text(&job.id),
            number(job.created_ms),
            time(now),
            text(&facts),
            text(&envelope.hops),
            text(&message),
            number(now.as_millis() + GRACE_MS),
        ],
    )?;
    find(sql, &job.id)
}

pub(super) fn find(sql: &Sql, id: &str) -> Result<Option<Entry>> {
    let row: Option<Row> = sql.first(&format!("SELECT {COLUMNS} FROM job WHERE id = ?"), vec![text(id)])?;
    row.map(entry).transpose()
}

/// Jobs by falling id.
pub(super) fn list(sql: &Sql, listing: &Listing) -> Result<Vec<JobView>> {
    let Listing { state, topic, before, limit, all } = listing;
    let ours = if *all { "" } else { "place != 'origin' AND" };
    let query = format!(
        "SELECT {COLUMNS} FROM job WHERE {ours} (?1 IS NULL OR state = ?1)
         AND (?2 IS NULL OR json_extract(facts, '$.topic') = ?2) AND (?3 IS NULL OR id < ?3)
         ORDER BY id DESC LIMIT ?4"
    );
    let limit = number(u64::try_from(*limit).unwrap_or(u64::MAX));
    let bindings = vec![state.clone().into(), topic.clone().into(), before.clone().into(), limit];
    let rows: Vec<Row> = sql.rows(&query, bindings)?;
    rows.into_iter().map(|row| entry(row).map(|entry| entry.view)).collect()
}

/// Hands a job's message to one sender, unless another has it or it is not ours any more.
pub(super) fn take(sql: &Sql, id: &str, now: Timestamp) -> Result<Option<String>> {
    #[derive(Deserialize)]
    struct Taken {
        message: Option<String>,
    }
    let row: Option<Taken> = sql.first(
        "UPDATE job SET place = 'sending', due = ?1
         WHERE id = ?2 AND (place = 'waiting' OR place = 'sending' AND due <= ?3) RETURNING message",
        vec![number(now.as_millis() + LEASE_MS), text(id), time(now)],
    )?;
    Ok(row.and_then(|row| row.message))
}

/// The origin has it.
pub(super) fn accepted(sql: &Sql, id: &str, origin_id: &str) -> Result<Released> {
    let released = released(sql, id)?;
    sql.run(
        "UPDATE job SET place = 'origin', message = NULL, due = NULL, sends = 0, origin_id = ?
         WHERE id = ? AND due IS NOT NULL",
        vec![text(origin_id), text(id)],
    )?;
    Ok(released)
}

/// It ended here.
pub(super) fn end(
    sql: &Sql,
    id: &str,
    state: StateName,
    error: Option<&ErrorView>,
    now: Timestamp,
) -> Result<Released> {
    let released = released(sql, id)?;
    let error = error.map(serde_json::to_string).transpose()?;
    sql.run(
        "UPDATE job SET place = 'ended', state = ?, version = version + 1, updated = ?, error = ?,
         message = NULL, due = NULL WHERE id = ? AND due IS NOT NULL",
        vec![text(state.as_str()), time(now), error.into(), text(id)],
    )?;
    Ok(released)
}

/// The origin was away: it waits again. `wait` tells for how long, from the failed attempts.
pub(super) fn postpone(sql: &Sql, id: &str, now: Timestamp, wait: impl Fn(u32) -> u64) -> Result<()> {
    let Some(row) = sql.first::<Row>(&format!("SELECT {COLUMNS} FROM job WHERE id = ?"), vec![text(id)])?
    else {
        return Ok(());
    };
    let sends = row.sends.saturating_add(1);
    sql.run(
        "UPDATE job SET place = 'waiting', sends = ?, due = ? WHERE id = ? AND place = 'sending'",
        vec![number(sends.into()), number(now.as_millis() + wait(sends)), text(id)],
    )
}

/// Gives a taken job back without having tried it.
pub(super) fn give_back(sql: &Sql, id: &str, due: Timestamp) -> Result<()> {
    sql.run(
        "UPDATE job SET place = 'waiting', sends = max(sends, 1), due = ? WHERE id = ? AND place = 'sending'",
        vec![time(due), text(id)],
    )
}

/// The origin is away: what is due waits as long as the job that was tried.
pub(super) fn delay(sql: &Sql, now: Timestamp, until: Timestamp) -> Result<()> {
    sql.run(
        "UPDATE job SET due = ?, sends = max(sends, 1) WHERE place = 'waiting' AND due <= ?",
        vec![time(until), time(now)],
    )
}

/// The origin is there: all that wait for it are due.
pub(super) fn wake(sql: &Sql, now: Timestamp) -> Result<()> {
    let now = time(now);
    sql.run("UPDATE job SET due = ?1 WHERE place = 'waiting' AND sends > 0 AND due > ?1", vec![now])
}

/// The jobs to send now, oldest first.
pub(super) fn due(sql: &Sql, now: Timestamp, limit: u64) -> Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Due {
        id: String,
    }
    let rows: Vec<Due> = sql.rows(
        "SELECT id FROM job WHERE due <= ? AND message IS NOT NULL ORDER BY due, id LIMIT ?",
        vec![time(now), number(limit)],
    )?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// When the next job is due.
pub(super) fn next_due(sql: &Sql) -> Result<Option<u64>> {
    #[derive(Deserialize)]
    struct Min {
        due: Option<u64>,
    }
    Ok(sql
        .first::<Min>("SELECT min(due) AS due FROM job WHERE due IS NOT NULL", vec![])?
        .and_then(|row| row.due))
}

/// The jobs that the origin hasn't taken.
pub(super) fn waiting(sql: &Sql) -> Result<Waiting> {
    let query =
        format!("SELECT count(*) AS jobs, coalesce(sum({BYTES}), 0) AS bytes FROM job WHERE due IS NOT NULL");
    let row: Option<Waiting> = sql.first(&query, vec![])?;
    Ok(row.unwrap_or(Waiting { jobs: 0, bytes: 0 }))
}

/// Takes over where the origin says a job stands, unless that is older than what is known.
pub(super) fn apply(sql: &Sql, line: &StateLine) -> Result<bool> {
    let row: Option<IgnoredAny> = sql.first(
        "UPDATE job SET state = ?1, version = ?2, updated = ?3
         WHERE (id = ?4 OR origin_id = ?4) AND version < ?2 AND place != 'ended' RETURNING id",
        vec![text(line.state.as_str()), number(line.version), time(line.at), text(&line.job.to_string())],
    )?;
    Ok(row.is_some())
}

/// Whether its caller cancelled it while it was ours.
pub(super) fn cancelled_here(sql: &Sql, id: &str) -> Result<bool> {
    let row: Option<IgnoredAny> = sql.first(
        "SELECT id FROM job WHERE id = ? AND place = 'ended' AND state = ?",
        vec![text(id), text(StateName::Cancelled.as_str())],
    )?;
    Ok(row.is_some())
}

/// Forgets old jobs that are not ours any more.
pub(super) fn prune(sql: &Sql, now: Timestamp) -> Result<()> {
    let horizon = now.as_millis().saturating_sub(KEEP_MS);
    sql.run("DELETE FROM job WHERE due IS NULL AND updated < ?", vec![number(horizon)])?;
    sql.run(
        "DELETE FROM job WHERE id IN (SELECT id FROM job WHERE due IS NULL ORDER BY id DESC LIMIT -1 OFFSET ?)",
        vec![number(KEEP)],
    )
}

fn released(sql: &Sql, id: &str) -> Result<Released> {
    #[derive(Deserialize)]
    struct Held {
        message: Option<String>,
        bytes: u64,
    }
    let query = format!("SELECT message, {BYTES} AS bytes FROM job WHERE id = ?");
    let held: Option<Held> = sql.first(&query, vec![text(id)])?;
    let Some(Held { message: Some(message), bytes }) = held else { return Ok(Released::NotOurs) };
    let parked = Envelope::decode(&message).is_ok_and(|(envelope, _)| envelope.parked);
    Ok(Released::Ours { bytes, parked })
}

fn entry(row: Row) -> Result<Entry> {
    let broken = |error: cortex_domain::id::InvalidId| Error::RustError(error.to_string());
    let facts: Facts = serde_json::from_str(&row.facts)?;
    let unknown = || Error::RustError(format!("the job is at an unknown place: {}", row.place));
    let place = Place::named(&row.place).ok_or_else(unknown)?;
    let away = place == Place::Waiting && row.sends > 0;
    let at = Timestamp::from_millis;
    Ok(Entry {
        view: JobView {
            id: row.id.parse().map_err(broken)?,
            topic: facts.topic.parse().map_err(broken)?,
            state: row.state.parse().map_err(broken)?,
            hold: away.then(|| HoldView { kind: "origin_away".to_owned(), until: row.due.map(at) }),
            attempt: 0,
            max_attempts: facts.max_attempts,
            version: row.version,
            created_at: at(row.created),
            updated_at: at(row.updated),
            deadline: facts.deadline_ms.map(at),
            labels: facts.labels,
            result: None,
            error: row.error.as_deref().map(serde_json::from_str).transpose()?,
        },
        place,
        origin_id: row.origin_id,
        hops: row.hops,
    })
}
