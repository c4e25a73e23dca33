//! Exit codes, which all binaries share (sysexits where they fit).

use std::process::ExitCode;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Done,
    /// The command ran, but its outcome is negative: a job or a check failed, or a worker's work
    /// ended.
    Negative,
    /// The input is invalid or refers to something unknown.
    BadInput,
    /// The edge, the origin or a source is unreachable or overloaded.
    Unavailable,
    /// An internal error.
    Broken,
    /// The key is invalid, or does not have the permission.
    NotPermitted,
    /// A configuration or model file is invalid, or a port is in use. Another start fails the same
    /// way.
    Config,
}

impl Exit {
    /// Returns the exit code for the system.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Negative => 1,
            Self::BadInput => 65,
            Self::Unavailable => 69,
            Self::Broken => 70,
            Self::NotPermitted => 77,
            Self::Config => 78,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
