//! Why the work on a store failed.

use cortex_domain::ports::StoreError;
use cortex_store::{BackupError, CopyError, OpenError, ServerError};

use crate::config::StoreName;
use crate::installation::InstallationError;

/// The work on a store failed.
#[derive(Debug, thiserror::Error)]
pub enum MaintenanceError {
    #[error("`{command}` is not supported for the store {store}")]
    Unsupported { command: &'static str, store: StoreName },
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Server(#[from] ServerError),
    #[error(transparent)]
    Installation(#[from] InstallationError),
    #[error(transparent)]
    Backup(#[from] BackupError),
    #[error(transparent)]
    Copy(#[from] CopyError),
    #[error("the copy differs from the store ({findings} findings): don't use it")]
    Differs { findings: u64 },
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Task(#[from] tokio::task::JoinError),
}
