//! Turns errors of the server and of the connection into errors of the ports.

use std::error::Error as _;

use cortex_domain::ports::StoreError;
use cortex_wire::DecodeError;
use deadpool_postgres::PoolError;
use tokio_postgres::Error;

/// The code with which the server refuses the write of a handle that is not the newest.
const FENCED: &str = "CX001";

#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("{}", describe(.0))]
    Server(#[from] Error),
    #[error("no connection to the server: {}", describe_pool(.0))]
    Pool(#[from] PoolError),
    #[error("no response from the server within {0} s")]
    Timeout(u64),
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A stored value that can't be read back.
    #[error("a row has an invalid {0}")]
    Row(&'static str),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Fault {
    /// Returns whether the fault lies in the written data, so that other writes of the batch can
    /// succeed without it.
    pub(super) fn is_of_data(&self) -> bool {
        matches!(self, Self::Server(error) if error.code().is_some_and(|code| {
            ["21", "22", "23", "54"].iter().any(|class| code.code().starts_with(class))
        }))
    }

    /// Returns whether another handle of the store is newer than this one.
    pub(super) fn is_fenced(&self) -> bool {
        matches!(self, Self::Server(error) if error.code().is_some_and(|code| code.code() == FENCED))
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Store(error) => error,
            Fault::Decode(_) | Fault::Row(_) => Self::Corrupt(fault.to_string()),
            Fault::Server(_) | Fault::Pool(_) | Fault::Timeout(_) => Self::Broken(fault.to_string()),
        }
    }
}

/// Describes an error with its causes, and without the values of rows.
pub(super) fn describe(error: &Error) -> String {
    if let Some(refused) = error.as_db_error() {
        return if refused.code().code() == FENCED {
            refused.message().to_owned()
        } else if refused.code().code().starts_with("22") {
            // The message repeats the value.
            format!("the server refused a value ({})", refused.code().code())
        } else {
            format!("{} ({})", refused.message(), refused.code().code())
        };
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let next_text = next.to_string();
        if !text.contains(&next_text) {
            text = format!("{text}: {next_text}");
        }
        cause = next.source();
    }
    text
}

fn describe_pool(error: &PoolError) -> String {
    match error {
        PoolError::Backend(error) => describe(error),
        other => other.to_string(),
    }
}
