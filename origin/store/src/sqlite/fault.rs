//! Faults inside the store, before they become errors of the ports.

use cortex_domain::ports::{CommitError, StoreError};
use cortex_wire::DecodeError;
use rusqlite::ffi::ErrorCode;

#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("the job is at another version")]
    Conflict,
    #[error("the draft does not exist")]
    NoDraft,
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A stored value that can't be read back.
    #[error("a row has an invalid {0}")]
    Row(&'static str),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Store(error) => error,
            Fault::Decode(_) | Fault::Row(_) => Self::Corrupt(fault.to_string()),
            Fault::Sqlite(ref error) => match error.sqlite_error_code() {
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                    Self::Corrupt(fault.to_string())
                }
                _ => Self::Broken(fault.to_string()),
            },
            Fault::Conflict | Fault::NoDraft => Self::Broken(fault.to_string()),
        }
    }
}

impl From<Fault> for CommitError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Conflict => Self::Conflict,
            Fault::NoDraft => Self::NoDraft,
            other => Self::Store(other.into()),
        }
    }
}
