//! The store on a Postgres server: one function of the schema `cortex`, which runs many writes in
//! one transaction.

mod address;
mod changes;
mod export;
mod fault;
mod forget;
mod import;
mod inspect;
mod open;
mod operation;
mod ownership;
mod read;
mod settings;
mod write;
mod writer;

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use cortex_domain::audit::AuditEvent;
use cortex_domain::event::Entry;
use cortex_domain::flow::Submission;
use cortex_domain::id::JobId;
use cortex_domain::job::{Job, Version};
use cortex_domain::ownership::{Standing, Turn};
use cortex_domain::pointer::{Memory, Pointer};
use cortex_domain::ports::{
    Acceptance, Answer, AuditLog, Audited, CommitError, Feed, JobCount, JobStep, Jobs, Outbound, Outbox,
    Ownership, Payloads, Query, Sequence, StoreError, Upkeep,
};
use cortex_domain::retention::Retention;
use cortex_domain::share::Term;
use cortex_domain::time::Timestamp;
use cortex_domain::transition::Change;
use cortex_platform::metrics::Registry;

use self::changes::Changes;
pub use self::import::PostgresImport;
pub use self::inspect::PostgresInspector;
use self::read::Readers;
use self::writer::Writer;
use crate::early_deletions::EarlyDeletionMonitor;
use crate::server::{Durability, Sharing};

/// A store on a Postgres server. A later process that opens the same store fences this one, unless
/// both share it.
#[derive(Debug)]
pub struct PostgresStore {
    writer: Writer,
    readers: Readers,
    changes: Changes,
    server: String,
    epoch: i64,
    retention: Retention,
    sharing: Sharing,
    durability: Durability,
    /// Entries of the audit log that were deleted before they expired.
    early_deletions: Mutex<EarlyDeletionMonitor>,
}

impl PostgresStore {
    /// Adds the store's metrics to those of the process.
    pub fn register(&self, registry: &Registry) {
        self.writer.metrics.register(registry);
    }

    /// Returns whether the server keeps every write that it has confirmed, by its settings when the
    /// store was opened.
    #[must_use]
    pub fn durability(&self) -> &Durability {
        &self.durability
    }

    /// Returns the server's address without credentials.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }
}

impl Jobs for PostgresStore {
    fn accept(&self, submission: Submission) -> Answer<'_, Result<Acceptance, StoreError>> {
        Box::pin(async move {
            let accepted = write::accept(&self.writer, submission, &self.retention).await?;
            self.changes.count();
            Ok(accepted)
        })
    }

    fn commit(&self, change: Change) -> Answer<'_, Result<Job, CommitError>> {
        Box::pin(async move {
            let job = if change.expected() > Version(0) {
                write::commit(&self.writer, change).await?
            } else {
                write::persist(&self.writer, change, &self.retention).await?
            };
            self.changes.count();
            Ok(job)
        })
    }

    /// Records the job and waits for the flush, so that the job is found and counted from then on.
    fn record(&self, history: Change) -> Answer<'_, Result<(), StoreError>> {
        Box::pin(write::record(&self.writer, history))
    }

    fn job(&self, id: JobId) -> Answer<'_, Result<Option<Job>, StoreError>> {
        Box::pin(async move { Ok(read::job(&self.readers, id).await?) })
    }

    fn jobs(&self, query: Query) -> Answer<'_, Result<Vec<Job>, StoreError>> {
        Box::pin(async move { Ok(read::list(&self.readers, &query).await?) })
    }

    fn log(&self, id: JobId, after: Version) -> Answer<'_, Result<Vec<Entry>, StoreError>> {
        Box::pin(async move { Ok(read::log(&self.readers, id, after).await?) })
    }

    fn open_jobs(&self, after: Option<JobId>, limit: usize) -> Answer<'_, Result<Vec<Job>, StoreError>> {
        Box::pin(async move { Ok(read::open(&self.readers, after, limit).await?) })
    }

    fn counts(&self) -> Answer<'_, Result<Vec<JobCount>, StoreError>> {
        Box::pin(async move { Ok(read::counts(&self.readers).await?) })
    }
}

impl Outbox for PostgresStore {
    fn outbox(&self, after: Sequence, limit: usize) -> Answer<'_, Result<Vec<Outbound>, StoreError>> {
        Box::pin(async move { Ok(read::outbox(&self.readers, after, limit).await?) })
    }

    fn relayed(&self, sequences: Vec<Sequence>) -> Answer<'_, Result<(), StoreError>> {
        Box::pin(async move { write::relayed(&self.writer, &sequences).await })
    }
}

impl Feed for PostgresStore {
    fn steps(&self, after: Sequence, limit: usize) -> Answer<'_, Result<Vec<JobStep>, StoreError>> {
        Box::pin(async move { Ok(read::steps(&self.readers, after, limit).await?) })
    }

    fn newest_step(&self) -> Answer<'_, Result<Sequence, StoreError>> {
        Box::pin(async move { Ok(read::newest_step(&self.readers).await?) })
    }

    fn cursor(&self, name: &'static str) -> Answer<'_, Result<Sequence, StoreError>> {
        Box::pin(async move { Ok(read::cursor(&self.readers, name).await?) })
    }

    fn set_cursor(&self, name: &'static str, to: Sequence) -> Answer<'_, Result<(), StoreError>> {
        Box::pin(write::set_cursor(&self.writer, name, to))
    }

    fn changed(&self, seen: u64) -> Answer<'_, u64> {
        Box::pin(self.changes.after(seen))
    }
}

impl AuditLog for PostgresStore {
    /// Appends the entries and waits for the flush, because a process that ends would lose what it
    /// queues.
    fn append(&self, entries: Vec<AuditEvent>, term: Option<Term>) -> Answer<'_, Result<(), StoreError>> {
        Box::pin(async move { write::append(&self.writer, &entries, term).await })
    }

    fn audit(&self, after: Sequence, limit: usize) -> Answer<'_, Result<Vec<Audited>, StoreError>> {
        Box::pin(async move { Ok(read::audit(&self.readers, after, limit).await?) })
    }
}

impl Ownership for PostgresStore {
    fn is_shared(&self) -> bool {
        self.sharing == Sharing::Shared
    }

    fn turn(&self, turn: Turn) -> Answer<'_, Result<Standing, StoreError>> {
        Box::pin(async move { Ok(ownership::turn(&self.readers, self.epoch, &turn).await?) })
    }
}

impl Upkeep for PostgresStore {
    fn forget(&self, now: Timestamp) -> Answer<'_, Result<u64, StoreError>> {
        Box::pin(async move {
            let forgotten =
                forget::forget(&self.readers, self.epoch, &self.retention, now, &self.early_deletions).await;
            let mut early_deletions = self.early_deletions.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(early) = early_deletions.take_warning(now) {
                early.warn();
            }
            forgotten
        })
    }

    fn sweep_drafts(&self) -> Answer<'_, Result<u64, StoreError>> {
        Box::pin(async move { Ok(forget::sweep_drafts(&self.readers, self.epoch).await?) })
    }
}

impl Payloads for PostgresStore {
    /// Returns the memory of a store that has its payloads in its own tables, as the embedded one
    /// does. The shape of the pointers is the same.
    fn memory(&self) -> Memory {
        Memory::Local
    }

    fn get(&self, pointer: Pointer) -> Answer<'_, Result<Option<Bytes>, StoreError>> {
        Box::pin(async move { Ok(read::payload(&self.readers, pointer).await?) })
    }

    fn put(&self, pointer: Pointer, payload: Bytes) -> Answer<'_, Result<(), StoreError>> {
        Box::pin(write::put(&self.writer, pointer, payload))
    }

    fn discard(&self, job: JobId) -> Answer<'_, Result<(), StoreError>> {
        Box::pin(async move { Ok(forget::discard(&self.readers, self.epoch, job).await?) })
    }
}
