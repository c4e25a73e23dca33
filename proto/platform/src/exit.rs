//! Exit codes that mean something, the same for every binary (sysexits where they fit).

use std::process::ExitCode;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Done,
    /// It was done and the answer is no: a job failed, a check found a fault, a worker's work ended.
    Negative,
    /// What was asked can't be understood or refers to nothing.
    BadInput,
    /// The edge, the origin or a source can't be reached, or has no room.
    Unavailable,
    /// Something of ours broke.
    Broken,
    /// The key is not accepted, or may not do this.
    NotPermitted,
    /// A configuration or model file can't be used, or a port is taken: another start ends the same way.
    Config,
}

impl Exit {
    /// Returns the code that the system is told.
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
