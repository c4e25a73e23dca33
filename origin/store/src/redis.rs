//! The store on a Redis or Valkey server: a single primary, which runs one script for each write.

mod acl;
mod arguments;
mod changes;
mod export;
mod forget;
mod import;
mod inspect;
mod keys;
mod link;
mod open;
mod ownership;
mod read;
mod reply;
mod script;
mod settings;
mod write;

use std::sync::{Arc, Mutex, PoisonError};

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

pub use self::acl::worker_acl;
use self::changes::Changes;
pub use self::import::RedisImport;
pub use self::inspect::RedisInspector;
use self::link::Link;
use crate::early_deletions::EarlyDeletionMonitor;
use crate::server::{Durability, Sharing};

/// A store on a Redis or Valkey server. A later process that opens the same store fences this one,
/// unless both share it.
#[derive(Debug)]
pub struct RedisStore {
    link: Arc<Link>,
    changes: Changes,
    retention: Retention,
    sharing: Sharing,
    durability: Durability,
    /// Entries of the audit log that were deleted before they expired.
    early_deletions: Mutex<EarlyDeletionMonitor>,
}

impl RedisStore {
    /// Adds the store's metrics to those of the process.
    pub fn register(&self, registry: &Registry) {
        registry.add(self.link.metrics.commit.clone());
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
        self.link.server()
    }
}

impl Jobs for RedisStore {
    fn accept(&self, submission: Submission) -> Answer<'_, Result<Acceptance, StoreError>> {
        Box::pin(async move {
            let accepted = write::accept(&self.link, submission, &self.retention).await?;
            self.changes.count();
            Ok(accepted)
        })
    }

    fn commit(&self, change: Change) -> Answer<'_, Result<Job, CommitError>> {
        Box::pin(async move {
            let job = if change.expected() > Version(0) {
                write::commit(&self.link, change).await?
            } else {
                write::persist(&self.link, change, &self.retention).await?
            };
            self.changes.count();
            Ok(job)
        })
    }

    /// Records the job and waits for the flush, so that the job is found and counted from then on.
    fn record(&self, history: Change) -> Answer<'_, Result<(), StoreError>> {
        Box::pin(write::record(&self.link, history, &self.retention))
    }

    fn job(&self, id: JobId) -> Answer<'_, Result<Option<Job>, StoreError>> {
        Box::pin(read::job(&self.link, id))
    }

    fn jobs(&self, query: Query) -> Answer<'_, Result<Vec<Job>, StoreError>> {
        Box::pin(async move { read::list(&self.link, &query).await })
    }

    fn log(&self, id: JobId, after: Version) -> Answer<'_, Result<Vec<Entry>, StoreError>> {
        Box::pin(read::log(&self.link, id, after))
    }

    fn open_jobs(&self, after: Option<JobId>, limit: usize) -> Answer<'_, Result<Vec<Job>, StoreError>> {
        Box::pin(read::open(&self.link, after, limit))
    }

    fn counts(&self) -> Answer<'_, Result<Vec<JobCount>, StoreError>> {
        Box::pin(read::counts(&self.link))
    }
}

impl Outbox for RedisStore {
    fn outbox(&self, after: Sequence, limit: usize) -> Answer<'_, Result<Vec<Outbound>, StoreError>> {
        Box::pin(read::outbox(&self.link, after, limit))
    }

    fn relayed(&self, sequences: Vec<Sequence>) -> Answer<'_, Result<(), StoreError>> {
        Box::pin(async move {
            for some in sequences.chunks(RELAYED_BATCH) {
                let ids = some.iter().map(|sequence| format!("{}-0", sequence.0));
                self.link.write(&script::RELAYED, |to| to.rows(ids, arguments::Arguments::text)).await?;
            }
            Ok(())
        })
    }
}

/// Maximum number of relayed messages that one script deletes.
const RELAYED_BATCH: usize = 512;

impl Feed for RedisStore {
    fn steps(&self, after: Sequence, limit: usize) -> Answer<'_, Result<Vec<JobStep>, StoreError>> {
        Box::pin(read::steps(&self.link, after, limit))
    }

    fn newest_step(&self) -> Answer<'_, Result<Sequence, StoreError>> {
        Box::pin(read::newest_step(&self.link))
    }

    fn cursor(&self, name: &'static str) -> Answer<'_, Result<Sequence, StoreError>> {
        Box::pin(read::cursor(&self.link, name))
    }

    fn set_cursor(&self, name: &'static str, to: Sequence) -> Answer<'_, Result<(), StoreError>> {
        Box::pin(async move {
            self.link.write(&script::SET_CURSOR, |arguments| arguments.text(name).text(to.0)).await?;
            Ok(())
        })
    }

    fn changed(&self, seen: u64) -> Answer<'_, u64> {
        Box::pin(self.changes.after(seen))
    }
}

impl AuditLog for RedisStore {
    /// Appends the entries and waits for the flush, because a process that ends would lose what it
    /// queues.
    fn append(&self, entries: Vec<AuditEvent>, term: Option<Term>) -> Answer<'_, Result<(), StoreError>> {
        Box::pin(async move {
            self.link.write_under(term, &script::APPEND, |to| to.audit(entries.iter())).await?;
            Ok(())
        })
    }

    fn audit(&self, after: Sequence, limit: usize) -> Answer<'_, Result<Vec<Audited>, StoreError>> {
        Box::pin(read::audit(&self.link, after, limit))
    }
}

impl Ownership for RedisStore {
    fn is_shared(&self) -> bool {
        self.sharing == Sharing::Shared
    }

    fn turn(&self, turn: Turn) -> Answer<'_, Result<Standing, StoreError>> {
        Box::pin(ownership::turn(&self.link, turn))
    }
}

impl Upkeep for RedisStore {
    fn forget(&self, now: Timestamp) -> Answer<'_, Result<u64, StoreError>> {
        Box::pin(async move {
            let forgotten = forget::forget(&self.link, &self.retention, now, &self.early_deletions).await;
            let mut early_deletions = self.early_deletions.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(early) = early_deletions.take_warning(now) {
                early.warn();
            }
            forgotten
        })
    }

    fn sweep_drafts(&self) -> Answer<'_, Result<u64, StoreError>> {
        Box::pin(forget::sweep_drafts(&self.link))
    }
}

impl Payloads for RedisStore {
    fn memory(&self) -> Memory {
        Memory::Redis
    }

    fn get(&self, pointer: Pointer) -> Answer<'_, Result<Option<Bytes>, StoreError>> {
        Box::pin(read::payload(&self.link, pointer))
    }

    fn put(&self, pointer: Pointer, payload: Bytes) -> Answer<'_, Result<(), StoreError>> {
        Box::pin(write::put(&self.link, pointer, payload.into()))
    }

    fn discard(&self, job: JobId) -> Answer<'_, Result<(), StoreError>> {
        Box::pin(async move {
            self.link.write(&script::DISCARD, |to| to.text(job)).await?;
            Ok(())
        })
    }
}
