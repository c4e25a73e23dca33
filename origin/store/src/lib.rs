//! The authoritative store: jobs, their log, payloads and outbox, behind
//! [`cortex_domain::ports::Store`].

mod commits;
mod copy;
mod early_deletions;
mod fence;
mod metrics;
mod postgres;
mod record;
mod redis;
mod server;
mod sqlite;

pub use self::copy::{Copied, CopiedJob, CopyError, Cursor, Export, Import, Numbers, Page, copy};
pub use self::postgres::{PostgresImport, PostgresInspector, PostgresStore};
pub use self::redis::{RedisImport, RedisInspector, RedisStore, worker_acl};
pub use server::{Durability, InstallationId, Risk, ServerError, ServerOptions, Sharing};
pub use sqlite::{
    BackupError, OpenError, SqliteExport, SqliteImport, SqliteInspector, SqliteStore, backup, restore,
};
