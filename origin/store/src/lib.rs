//! The authoritative store: jobs, their log, payloads and outbox, behind
//! [`cortex_domain::ports::Store`].

mod early_deletions;
mod fence;
mod metrics;
mod postgres;
mod record;
mod redis;
mod server;
mod sqlite;

pub use self::postgres::PostgresStore;
pub use self::redis::{RedisStore, worker_acl};
pub use server::{Durability, InstallationId, Risk, ServerError, ServerOptions, Sharing};
pub use sqlite::{BackupError, OpenError, SqliteInspector, SqliteStore, backup, restore};
