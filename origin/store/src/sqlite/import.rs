//! Fills a new file from another store. The file gets its name once it is whole and flushed, so that
//! no process ever opens a part of it.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use cortex_domain::audit::AuditEvent;
use cortex_domain::id::Tenant;
use cortex_domain::pointer::{Memory, Pointer};
use cortex_domain::ports::{Answer, Audited, JobStep, Outbound, StoreError};
use cortex_domain::retention::Retention;
use rusqlite::{Connection, params};

use super::audit::{self, RunningTotal};
use super::backup::{self, BackupError};
use super::fault::Fault;
use super::lock::Lock;
use super::{jobs, open, payloads, steps};
use crate::copy::{CopiedJob, Import, Numbers, Page};

/// A file that is being filled.
#[derive(Debug)]
pub struct SqliteImport {
    /// `None` only while a page is being written, and after the end.
    file: Option<Unfinished>,
}

#[derive(Debug)]
struct Unfinished {
    connection: Connection,
    totals: HashMap<Tenant, RunningTotal>,
    draft: PathBuf,
    path: PathBuf,
    _lock: Lock,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.draft);
    }
}

impl SqliteImport {
    /// Starts a new file at `path`, which must not exist. Blocks.
    ///
    /// # Errors
    /// Returns an error if the file exists or the disk fails.
    pub fn create(path: impl AsRef<Path>) -> Result<Self, BackupError> {
        let path = path.as_ref();
        let draft = backup::new_draft(path)?;
        let lock = backup::lock(path)?;
        let failed = |cause| BackupError::Database { path: draft.clone(), cause };
        let connection = Connection::open(&draft).map_err(failed)?;
        // Until it has its name, the file is of no use after a crash, so that nothing need be flushed.
        connection
            .execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA trusted_schema = OFF")
            .and_then(|()| open::raise(&connection, 0, &Retention::default()))
            .map_err(failed)?;
        let (totals, path) = (HashMap::new(), path.to_owned());
        Ok(Self { file: Some(Unfinished { connection, totals, draft, path, _lock: lock }) })
    }

    async fn run(
        &mut self,
        write: impl FnOnce(&mut Unfinished) -> Result<(), Fault> + Send + 'static,
    ) -> Result<(), StoreError> {
        let Some(mut file) = self.file.take() else {
            return Err(StoreError::Broken("the file could not be written before".into()));
        };
        let written = tokio::task::spawn_blocking(move || write(&mut file).map(|()| file)).await;
        self.file = Some(written.map_err(|error| StoreError::Broken(error.to_string()))??);
        Ok(())
    }
}

impl Import for SqliteImport {
    fn memory(&self) -> Memory {
        Memory::Local
    }

    fn write(&mut self, page: Page) -> Answer<'_, Result<(), StoreError>> {
        Box::pin(self.run(move |file| file.write(page)))
    }

    fn finish(&mut self, numbers: Numbers) -> Answer<'_, Result<(), StoreError>> {
        Box::pin(async move {
            self.run(move |file| file.finish(numbers)).await?;
            self.file = None;
            Ok(())
        })
    }
}

impl Unfinished {
    fn write(&mut self, page: Page) -> Result<(), Fault> {
        self.connection.execute_batch("BEGIN")?;
        match page {
            Page::Jobs(page) => page.iter().try_for_each(|job| insert_job(&self.connection, job))?,
            Page::Steps(page) => insert_steps(&self.connection, &page)?,
            Page::Messages(page) => insert_messages(&self.connection, &page)?,
            Page::Entries(page) => self.insert_entries(&page)?,
            Page::Cursors(page) => {
                for cursor in page {
                    steps::set_cursor(&self.connection, &cursor.name, cursor.position)?;
                }
            }
        }
        Ok(self.connection.execute_batch("COMMIT")?)
    }

    /// Writes entries that follow each other and have the same tenant as one row.
    fn insert_entries(&mut self, page: &[Audited]) -> Result<(), Fault> {
        let follows = |one: &Audited, next: &Audited| {
            one.sequence.0 + 1 == next.sequence.0 && one.entry.tenant == next.entry.tenant
        };
        for row in page.chunk_by(follows) {
            let Some(first) = row.first() else { continue };
            let entries: Vec<&AuditEvent> = row.iter().map(|audited| &audited.entry).collect();
            let tenant = &first.entry.tenant;
            let before = self.totals.get(tenant).copied().unwrap_or_default();
            let number = first.sequence.0.cast_signed();
            let sum = audit::insert(&self.connection, number, before, tenant, &entries)?;
            self.totals.insert(tenant.clone(), sum);
        }
        Ok(())
    }

    fn finish(&mut self, numbers: Numbers) -> Result<(), Fault> {
        self.connection.execute_batch(
            "BEGIN;
             INSERT INTO usage (tenant, jobs, open, bytes, keys)
                 SELECT tenant, count(*), sum(open), sum(bytes),
                     (SELECT count(*) FROM idempotency i WHERE i.tenant = jobs.tenant)
                 FROM jobs GROUP BY tenant;
             DELETE FROM sqlite_sequence;",
        )?;
        let newest = [("steps", numbers.step), ("outbox", numbers.message)];
        for (table, number) in newest.into_iter().filter(|(_, number)| number.0 > 0) {
            self.connection.execute(
                "INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)",
                params![table, number.0.cast_signed()],
            )?;
        }
        // The newest row says which number comes next. If its entries were deleted, it is empty.
        let newest = numbers.entry.0.cast_signed();
        if newest > audit::newest(&self.connection)? {
            self.connection.execute(
                "INSERT INTO audit (first, count, at, tenant, tenant_entries, tenant_bytes, entries)
                 VALUES (?1, 0, 0, '', 0, 0, x'')",
                [newest + 1],
            )?;
        }
        self.connection.execute_batch("COMMIT")?;
        backup::publish(&self.draft, &self.path).map(drop).map_err(|error| {
            StoreError::Broken(format!("can't write {}: {error}", self.path.display())).into()
        })
    }
}

fn insert_job(connection: &Connection, copied: &CopiedJob) -> Result<(), Fault> {
    let (job, id) = (&copied.job, copied.job.id());
    jobs::insert(connection, job, 0, copied.kept_until)?;
    connection
        .prepare_cached("UPDATE jobs SET bytes = ?2 WHERE id = ?1")?
        .execute(params![id.as_bytes(), copied.bytes.cast_signed()])?;
    jobs::append(connection, id, &copied.log)?;
    let draft = job.state.lease().map(|lease| Pointer::draft(job.memory, id, lease.dispatch));
    let bodies = [
        (Some(job.context()), &copied.input),
        (Some(Pointer::result(job.memory, id)), &copied.result),
        (draft, &copied.draft),
    ];
    for (pointer, body) in bodies {
        if let (Some(pointer), Some(body)) = (pointer, body) {
            payloads::insert(connection, pointer, body)?;
        }
    }
    if let Some(key) = copied.key() {
        connection
            .prepare_cached(
                "INSERT INTO idempotency (tenant, key, fingerprint, job, at) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                job.tenant().as_str(),
                key.key.as_str(),
                key.fingerprint.0,
                id.as_bytes(),
                job.request.created_at.as_millis().cast_signed(),
            ])?;
    }
    Ok(())
}

fn insert_steps(connection: &Connection, page: &[JobStep]) -> Result<(), Fault> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO steps (seq, job, tenant, version, attempt, state, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for step in page {
        insert.execute(params![
            step.sequence.0.cast_signed(),
            step.job.as_bytes(),
            step.tenant.as_str(),
            step.version.0.cast_signed(),
            step.attempt.0,
            step.state.code(),
            step.at.as_millis().cast_signed(),
        ])?;
    }
    Ok(())
}

fn insert_messages(connection: &Connection, page: &[Outbound]) -> Result<(), Fault> {
    let mut insert = connection.prepare_cached("INSERT INTO outbox (seq, message) VALUES (?1, ?2)")?;
    for outbound in page {
        let message = cortex_wire::encode_message(&outbound.message);
        insert.execute(params![outbound.sequence.0.cast_signed(), &message[..]])?;
    }
    Ok(())
}
