//! The embedded store: one SQLite file, one writer that flushes many requests at once, and a few
//! readers.

mod accept;
mod audit;
mod backup;
mod commit;
mod export;
mod fault;
mod forget;
mod import;
mod inspect;
mod jobs;
mod list;
mod lock;
mod migrate;
mod open;
mod outbox;
mod ownership;
mod payloads;
mod queue;
mod readers;
mod record;
mod steps;
mod transaction;
mod usage;
mod writer;

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use cortex_domain::audit::AuditEvent;
use cortex_domain::event::Entry;
use cortex_domain::flow::Submission;
use cortex_domain::id::JobId;
use cortex_domain::job::{Job, Version};
use cortex_domain::ownership::{Standing, Turn};
use cortex_domain::pointer::{Memory, Pointer, Space};
use cortex_domain::ports::{
    Acceptance, Answer, AuditLog, Audited, CommitError, Feed, JobCount, JobStep, Jobs, Outbound, Outbox,
    Ownership, Payloads, Query, Sequence, StoreError, Upkeep,
};
use cortex_domain::retention::Retention;
use cortex_domain::share::Term;
use cortex_domain::time::Timestamp;
use cortex_domain::transition::Change;
use cortex_platform::metrics::Registry;

use crate::early_deletions::EarlyDeletionMonitor;

use audit::OnRollback;
pub use backup::{BackupError, backup, restore};
pub use export::SqliteExport;
pub use import::SqliteImport;
pub use inspect::SqliteInspector;
use lock::Lock;
pub use open::OpenError;
use ownership::Owners;
use queue::WriteMode;
use readers::Readers;
use transaction::Transaction;
use writer::{Notify, Writer};

/// Maximum number of drafts that one request deletes.
const SWEEP_BATCH: usize = 256;

/// A store in a SQLite file. Dropping it writes what is queued and closes the file.
#[derive(Debug)]
pub struct SqliteStore {
    // In the order in which they must close. The last connection checkpoints the log into the file,
    // which only the writer's connection can do, and the lock outlives both.
    readers: Readers,
    writer: Writer,
    _lock: Lock,
    retention: Retention,
    owners: Owners,
    /// Entries of the audit log that were deleted before they expired.
    early_deletions: Mutex<EarlyDeletionMonitor>,
}

impl SqliteStore {
    /// Adds the store's metrics to those of the process.
    pub fn register(&self, registry: &Registry) {
        self.writer.metrics.register(registry);
    }

    /// Deletes entries of tenants that exceed their share of the audit log. Tenants take turns of a
    /// few rows.
    async fn trim_audit(&self, now: Timestamp) -> Result<(), StoreError> {
        let retention = self.retention;
        let mut over = self.readers.read(move |c| audit::over_share(c, &retention)).await?;
        while !over.is_empty() {
            let mut still_over = Vec::new();
            for tenant in over {
                let of = tenant.clone();
                let trim = move |c: &Transaction| audit::trim(c, &of, &retention, now);
                let trimmed = self.writer.write(Notify::None, 0, trim).await?;
                self.early_deletions().record(&tenant, trimmed.early);
                if trimmed.rows == forget::DELETE_BATCH {
                    still_over.push(tenant);
                }
            }
            over = still_over;
        }
        if let Some(early) = self.early_deletions().take_warning(now) {
            early.warn();
        }
        Ok(())
    }

    fn early_deletions(&self) -> MutexGuard<'_, EarlyDeletionMonitor> {
        self.early_deletions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Jobs for SqliteStore {
    fn accept(&self, submission: Submission) -> Answer<'_, Result<Acceptance, StoreError>> {
        Box::pin(async move {
            let size = submission.input.len();
            let retention = self.retention;
            Ok(self
                .writer
                .write(Notify::Watchers, size, move |c| accept::accept(c, submission, &retention))
                .await?)
        })
    }

    fn commit(&self, change: Change) -> Answer<'_, Result<Job, CommitError>> {
        Box::pin(async move {
            let owners = self.owners.clone();
            if change.expected() > Version(0) {
                let commit = move |c: &Transaction| {
                    owners.check(change.term())?;
                    commit::commit(c, change)
                };
                return Ok(self.writer.write(Notify::Watchers, 0, commit).await?);
            }
            let retention = self.retention;
            let persist = move |c: &Transaction| {
                owners.check(change.term())?;
                let persisted = record::persist(c, &change, &retention)?;
                Ok(persisted.map(|()| change.into_job()))
            };
            let persisted = self.writer.write(Notify::Watchers, 0, persist).await?;
            persisted.map_err(|exceeded| StoreError::RetentionExceeded(exceeded).into())
        })
    }

    fn record(&self, history: Change) -> Answer<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let retention = self.retention;
            self.owners.check(history.term())?;
            let note = move |c: &Transaction| record::record(c, &history, &retention);
            self.writer.queue(Notify::None, WriteMode::Background, 0, note)?;
            Ok(())
        })
    }

    fn job(&self, id: JobId) -> Answer<'_, Result<Option<Job>, StoreError>> {
        Box::pin(async move {
            let found = self.readers.read(move |c| jobs::find(c, id)).await?;
            if found.is_none() && self.writer.has_pending_writes() {
                return Ok(self.writer.write(Notify::None, 0, move |c| jobs::find(c, id)).await?);
            }
            Ok(found)
        })
    }

    fn jobs(&self, query: Query) -> Answer<'_, Result<Vec<Job>, StoreError>> {
        Box::pin(async move { Ok(self.readers.read(move |c| list::list(c, &query)).await?) })
    }

    fn log(&self, id: JobId, after: Version) -> Answer<'_, Result<Vec<Entry>, StoreError>> {
        Box::pin(async move { Ok(self.readers.read(move |c| jobs::log(c, id, after)).await?) })
    }

    fn open_jobs(&self, after: Option<JobId>, limit: usize) -> Answer<'_, Result<Vec<Job>, StoreError>> {
        Box::pin(async move { Ok(self.readers.read(move |c| jobs::open(c, after, limit)).await?) })
    }

    fn counts(&self) -> Answer<'_, Result<Vec<JobCount>, StoreError>> {
        Box::pin(async move { Ok(self.readers.read(jobs::counts).await?) })
    }
}

impl Outbox for SqliteStore {
    fn outbox(&self, after: Sequence, limit: usize) -> Answer<'_, Result<Vec<Outbound>, StoreError>> {
        Box::pin(async move { Ok(self.readers.read(move |c| outbox::waiting(c, after, limit)).await?) })
    }

    fn relayed(&self, sequences: Vec<Sequence>) -> Answer<'_, Result<(), StoreError>> {
        Box::pin(async move {
            Ok(self.writer.write(Notify::None, 0, move |c| outbox::forget(c, &sequences)).await?)
        })
    }
}

impl Feed for SqliteStore {
    fn steps(&self, after: Sequence, limit: usize) -> Answer<'_, Result<Vec<JobStep>, StoreError>> {
        Box::pin(async move { Ok(self.readers.read(move |c| steps::after(c, after, limit)).await?) })
    }

    fn newest_step(&self) -> Answer<'_, Result<Sequence, StoreError>> {
        Box::pin(async move { Ok(self.readers.read(steps::newest).await?) })
    }

    fn cursor(&self, name: &'static str) -> Answer<'_, Result<Sequence, StoreError>> {
        Box::pin(async move { Ok(self.readers.read(move |c| steps::cursor(c, name)).await?) })
    }

    fn set_cursor(&self, name: &'static str, to: Sequence) -> Answer<'_, Result<(), StoreError>> {
        Box::pin(async move {
            Ok(self.writer.write(Notify::None, 0, move |c| steps::set_cursor(c, name, to)).await?)
        })
    }

    fn changed(&self, seen: u64) -> Answer<'_, u64> {
        Box::pin(self.writer.changed(seen))
    }
}

impl AuditLog for SqliteStore {
    fn append(&self, entries: Vec<AuditEvent>, term: Option<Term>) -> Answer<'_, Result<(), StoreError>> {
        Box::pin(async move {
            self.owners.check(term)?;
            let mode = if self.writer.is_failing() { WriteMode::Awaited } else { WriteMode::Background };
            let on_rollback = match mode {
                WriteMode::Background => OnRollback::Retry,
                WriteMode::Awaited => OnRollback::Discard,
            };
            let add = move |c: &Transaction| {
                entries.into_iter().for_each(|entry| c.audit(entry, on_rollback));
                Ok(())
            };
            let written = self.writer.queue(Notify::None, mode, 0, add)?;
            match mode {
                WriteMode::Background => Ok(()),
                WriteMode::Awaited => Ok(written.await?),
            }
        })
    }

    fn audit(&self, after: Sequence, limit: usize) -> Answer<'_, Result<Vec<Audited>, StoreError>> {
        Box::pin(async move { Ok(self.readers.read(move |c| audit::after(c, after, limit)).await?) })
    }
}

impl Ownership for SqliteStore {
    fn is_shared(&self) -> bool {
        false
    }

    fn turn(&self, turn: Turn) -> Answer<'_, Result<Standing, StoreError>> {
        Box::pin(std::future::ready(Ok(self.owners.turn(&turn))))
    }
}

impl Upkeep for SqliteStore {
    fn forget(&self, now: Timestamp) -> Answer<'_, Result<u64, StoreError>> {
        Box::pin(async move {
            let retention = self.retention;
            loop {
                let delete_batch = move |c: &_| {
                    let keys = forget::delete_expired_keys(c, &retention, now)?;
                    let steps = forget::delete_expired_steps(c, &retention, now)?;
                    let audit = audit::forget(c, &retention, now)?;
                    Ok(keys.max(steps).max(forget::delete_orphaned_payloads(c, now)?).max(audit))
                };
                if self.writer.write(Notify::None, 0, delete_batch).await? < forget::DELETE_BATCH {
                    break;
                }
            }
            self.trim_audit(now).await?;
            let mut deleted = 0;
            loop {
                let expired = self.readers.read(move |c| forget::expired_jobs(c, &retention, now)).await?;
                let before = deleted;
                for (jobs, bytes) in forget::batches(&expired) {
                    let size = usize::try_from(bytes).unwrap_or(usize::MAX);
                    deleted +=
                        self.writer.write(Notify::None, size, move |c| forget::delete_jobs(c, &jobs)).await?;
                }
                if deleted == before {
                    return Ok(deleted);
                }
            }
        })
    }

    fn sweep_drafts(&self) -> Answer<'_, Result<u64, StoreError>> {
        Box::pin(async move {
            let mut swept = 0;
            loop {
                let some = self.writer.write(Notify::None, 0, |c| payloads::sweep(c, SWEEP_BATCH)).await?;
                swept += some as u64;
                if some < SWEEP_BATCH {
                    return Ok(swept);
                }
            }
        })
    }
}

impl Payloads for SqliteStore {
    fn memory(&self) -> Memory {
        Memory::Local
    }

    fn get(&self, pointer: Pointer) -> Answer<'_, Result<Option<Bytes>, StoreError>> {
        Box::pin(async move { Ok(self.readers.read(move |c| payloads::get(c, pointer)).await?) })
    }

    /// Stores a payload. A draft returns once it is queued, because the change that makes it the
    /// result is queued behind it, and is therefore committed with it or later. Other payloads wait
    /// for the flush.
    fn put(&self, pointer: Pointer, payload: Bytes) -> Answer<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let size = payload.len();
            let mode = match pointer.space {
                Space::Draft(..) => WriteMode::Background,
                Space::Context(_) | Space::Result(_) => WriteMode::Awaited,
            };
            let written =
                self.writer.queue(Notify::None, mode, size, move |c| payloads::put(c, pointer, &payload))?;
            match mode {
                WriteMode::Background => Ok(()),
                WriteMode::Awaited => Ok(written.await?),
            }
        })
    }

    fn discard(&self, job: JobId) -> Answer<'_, Result<(), StoreError>> {
        Box::pin(
            async move { Ok(self.writer.write(Notify::None, 0, move |c| forget::discard(c, job)).await?) },
        )
    }
}
