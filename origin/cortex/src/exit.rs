//! Exit codes that mean something (sysexits where they fit).

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Done,
    /// It was done and the answer is no: a job failed, a check found a fault.
    Negative,
    /// What was asked can't be understood or refers to nothing.
    BadInput,
    /// The edge, the origin or a source can't be reached, or has no room.
    Unavailable,
    /// Something of ours broke.
    Broken,
    /// The key is not accepted, or may not do this.
    NotPermitted,
    /// A configuration or model file can't be used, or a port is taken.
    Config,
}

impl Exit {
    #[must_use]
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Negative => 1,
            Self::BadInput => 65,
            Self::Unavailable => 69,
            Self::Broken => 70,
            Self::NotPermitted => 77,
            Self::Config => cortex_config::EX_CONFIG,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// An error with the code it ends the process with.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) error: anyhow::Error,
}

impl Failure {
    pub(crate) fn new(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Self { exit, error: error.into() }
    }

    pub(crate) fn message(exit: Exit, message: impl std::fmt::Display) -> Self {
        Self { exit, error: anyhow::anyhow!("{message}") }
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(Exit::Broken, error)
    }
}
