//! Payloads behind `local://` pointers.

use bytes::Bytes;
use cortex_domain::pointer::{Memory, Pointer, Space};
use cortex_domain::ports::StoreError;
use rusqlite::{Connection, OptionalExtension, params};

use super::fault::Fault;
use super::forget;

pub(super) fn get(connection: &Connection, pointer: Pointer) -> Result<Option<Bytes>, Fault> {
    let (space, dispatch) = key(pointer)?;
    let body: Option<Vec<u8>> = connection
        .prepare_cached("SELECT body FROM payloads WHERE job = ?1 AND space = ?2 AND dispatch = ?3")?
        .query_row(params![pointer.space.job().as_bytes(), space, dispatch], |row| row.get(0))
        .optional()?;
    Ok(body.map(Bytes::from))
}

/// Writes a payload of a client. A result can't be written this way, because the change that ends
/// its job publishes it.
pub(super) fn put(connection: &Connection, pointer: Pointer, body: &[u8]) -> Result<(), Fault> {
    if let Space::Result(_) = pointer.space {
        return Err(StoreError::Broken(format!(
            "{pointer} is a result, which only the change that ends its job can write"
        ))
        .into());
    }
    let (space, dispatch) = key(pointer)?;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO payloads (job, space, dispatch, body) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![pointer.space.job().as_bytes(), space, dispatch, body])?;
    match pointer.space {
        Space::Context(job) => forget::mark_orphan(connection, job),
        _ => Ok(()),
    }
}

/// Writes a new payload.
pub(super) fn insert(connection: &Connection, pointer: Pointer, body: &[u8]) -> Result<(), Fault> {
    let (space, dispatch) = key(pointer)?;
    connection
        .prepare_cached("INSERT INTO payloads (job, space, dispatch, body) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![pointer.space.job().as_bytes(), space, dispatch, body])?;
    Ok(())
}

/// Returns the size of a payload in bytes.
pub(super) fn size(connection: &Connection, pointer: Pointer) -> Result<Option<i64>, Fault> {
    let (space, dispatch) = key(pointer)?;
    Ok(connection
        .prepare_cached("SELECT length(body) FROM payloads WHERE job = ?1 AND space = ?2 AND dispatch = ?3")?
        .query_row(params![pointer.space.job().as_bytes(), space, dispatch], |row| row.get(0))
        .optional()?)
}

/// Makes a draft the result. Returns its size in bytes.
pub(super) fn publish(connection: &Connection, draft: Pointer, result: Pointer) -> Result<i64, Fault> {
    let (from, dispatch) = key(draft)?;
    let (to, none) = key(result)?;
    let moved = connection
        .prepare_cached(
            "UPDATE payloads SET space = ?1, dispatch = ?2 WHERE job = ?3 AND space = ?4 AND dispatch = ?5
             RETURNING length(body)",
        )?
        .query_row(params![to, none, draft.space.job().as_bytes(), from, dispatch], |row| row.get(0))
        .optional()?;
    moved.ok_or(Fault::NoDraft)
}

/// Deletes at most `limit` drafts under leases that no job has. The input of an open call is there
/// before its job. Returns how many.
pub(super) fn sweep(connection: &Connection, limit: usize) -> Result<usize, Fault> {
    let deleted = connection
        .prepare_cached(
            "DELETE FROM payloads WHERE rowid IN (
                 SELECT p.rowid FROM payloads p WHERE p.space = 3 AND NOT EXISTS (
                     SELECT 1 FROM jobs j WHERE j.id = p.job AND j.dispatch = p.dispatch)
                     AND NOT EXISTS (SELECT 1 FROM loose l WHERE l.job = p.job)
                 LIMIT ?1)",
        )?
        .execute([super::jobs::sql_limit(limit)])?;
    Ok(deleted)
}

/// Returns the space's code and the dispatch, which is empty except for drafts.
fn key(pointer: Pointer) -> Result<(u8, Vec<u8>), Fault> {
    if pointer.memory != Memory::Local {
        return Err(StoreError::Broken(format!("{pointer} does not point into the embedded store")).into());
    }
    Ok(match pointer.space {
        Space::Context(_) => (1, Vec::new()),
        Space::Result(_) => (2, Vec::new()),
        Space::Draft(_, dispatch) => (3, dispatch.as_bytes().to_vec()),
    })
}
