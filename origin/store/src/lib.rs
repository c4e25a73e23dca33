//! The truth: jobs, their log, payloads and outbox, behind [`cortex_domain::ports::JobStore`].

mod sqlite;

pub use sqlite::{OpenError, SqliteStore};
