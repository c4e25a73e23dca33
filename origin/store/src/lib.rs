//! The authoritative store: jobs, their log, payloads and outbox, behind
//! [`cortex_domain::ports::Store`].

mod sqlite;

pub use sqlite::{OpenError, SqliteStore};
