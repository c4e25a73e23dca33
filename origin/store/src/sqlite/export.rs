//! Reads a whole file for a copy to another store.

use std::path::Path;

use bytes::Bytes;
use cortex_domain::id::JobId;
use cortex_domain::job::Version;
use cortex_domain::ports::{Answer, Audited, JobCount, JobStep, Outbound, Sequence, StoreError};
use cortex_domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::fault::Fault;
use super::lock::Lock;
use super::open::{self, OpenError};
use super::readers::Readers;
use super::{audit, backup, jobs, outbox, steps};
use crate::copy::{CopiedJob, Cursor, Export, Numbers};

/// Maximum number of jobs in a page, whose payloads are in memory together.
const JOBS: usize = 16;
const ROWS: usize = 1024;

/// A file that no process uses.
#[derive(Debug)]
pub struct SqliteExport {
    readers: Readers,
    _lock: Lock,
}

impl SqliteExport {
    /// Opens the file of a store, which no process may use meanwhile. Blocks.
    ///
    /// # Errors
    /// Returns an error if there is no store of this schema or a process uses it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let reader = open::open_known(path)?;
        let lock = backup::lock(path)?;
        let file_error = |cause| OpenError::File { path: path.to_owned(), cause };
        Ok(Self { readers: Readers::start(vec![reader]).map_err(file_error)?, _lock: lock })
    }
}

macro_rules! read {
    ($self:ident, $read:expr) => {
        Box::pin(async move { Ok($self.readers.read($read).await?) })
    };
}

impl Export for SqliteExport {
    fn jobs(&self, after: Option<JobId>) -> Answer<'_, Result<Vec<CopiedJob>, StoreError>> {
        read!(self, move |c| page(c, after))
    }

    fn steps(&self, after: Sequence) -> Answer<'_, Result<Vec<JobStep>, StoreError>> {
        read!(self, move |c| steps::after(c, after, ROWS))
    }

    fn messages(&self, after: Sequence) -> Answer<'_, Result<Vec<Outbound>, StoreError>> {
        read!(self, move |c| outbox::waiting(c, after, ROWS))
    }

    fn entries(&self, after: Sequence) -> Answer<'_, Result<Vec<Audited>, StoreError>> {
        read!(self, move |c| audit::after(c, after, ROWS))
    }

    fn cursors(&self) -> Answer<'_, Result<Vec<Cursor>, StoreError>> {
        read!(self, cursors)
    }

    fn numbers(&self) -> Answer<'_, Result<Numbers, StoreError>> {
        read!(self, numbers)
    }

    fn counts(&self) -> Answer<'_, Result<Vec<JobCount>, StoreError>> {
        read!(self, jobs::counts)
    }
}

fn page(connection: &Connection, after: Option<JobId>) -> Result<Vec<CopiedJob>, Fault> {
    let mut select = connection.prepare_cached(
        "SELECT record, bytes, kept_until,
             (SELECT body FROM payloads p WHERE p.job = j.id AND p.space = 1),
             (SELECT body FROM payloads p WHERE p.job = j.id AND p.space = 2),
             (SELECT body FROM payloads p WHERE p.job = j.id AND p.space = 3 AND p.dispatch = j.dispatch)
         FROM jobs j WHERE id > ?1 ORDER BY id LIMIT ?2",
    )?;
    let mut holds =
        connection.prepare_cached("SELECT 1 FROM idempotency WHERE tenant = ?1 AND key = ?2 AND job = ?3")?;
    let after = after.map_or([0; 16], |id| *id.as_bytes());
    let mut rows = select.query(params![after, jobs::sql_limit(JOBS)])?;
    let mut page = Vec::new();
    while let Some(row) = rows.next()? {
        let job = cortex_wire::decode_job(row.get_ref(0)?.as_blob().map_err(|_| Fault::Row("record"))?)?;
        let holds_key = match &job.request.idempotency {
            Some(given) => {
                holds.exists(params![job.tenant().as_str(), given.key.as_str(), job.id().as_bytes()])?
            }
            None => false,
        };
        let body = |at| Ok::<_, Fault>(row.get::<_, Option<Vec<u8>>>(at)?.map(Bytes::from));
        page.push(CopiedJob {
            log: jobs::log(connection, job.id(), Version(0))?,
            bytes: row.get::<_, i64>(1)?.cast_unsigned(),
            kept_until: Timestamp::from_millis(row.get::<_, i64>(2)?.cast_unsigned()),
            input: body(3)?,
            result: body(4)?,
            draft: body(5)?,
            holds_key,
            job,
        });
    }
    Ok(page)
}

fn cursors(connection: &Connection) -> Result<Vec<Cursor>, Fault> {
    let mut select = connection.prepare("SELECT name, seq FROM cursors")?;
    let cursors = select.query_map([], |row| {
        let position = Sequence(row.get::<_, i64>(1)?.cast_unsigned());
        Ok(Cursor { name: row.get(0)?, position })
    })?;
    Ok(cursors.collect::<rusqlite::Result<_>>()?)
}

fn numbers(connection: &Connection) -> Result<Numbers, Fault> {
    let newest = |table: &str| -> rusqlite::Result<Sequence> {
        let found: Option<i64> = connection
            .query_row("SELECT seq FROM sqlite_sequence WHERE name = ?1", [table], |row| row.get(0))
            .optional()?;
        Ok(Sequence(found.unwrap_or_default().cast_unsigned()))
    };
    Ok(Numbers {
        step: newest("steps")?,
        message: newest("outbox")?,
        entry: Sequence(audit::newest(connection)?.cast_unsigned()),
    })
}
