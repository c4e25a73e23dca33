//! What is wrong with a file, and where.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a configuration file can't be used. Names the file first, and the line where there is one.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{}: can't be read: {source}", file.display())]
    Unreadable { file: PathBuf, source: io::Error },
    #[error("{}: has more than {limit} bytes", file.display())]
    TooLarge { file: PathBuf, limit: usize },
    #[error("{}: is not UTF-8 text", file.display())]
    NotText { file: PathBuf },
    #[error("{}:{}: {fault}", file.display(), place.line)]
    Wrong { file: PathBuf, place: FileLocation, fault: Fault },
}

/// Where in the file; lines and columns count from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileLocation {
    pub line: u64,
    pub column: u64,
}

/// What is wrong there. A key is written as its path from the top: `models.minilm.files[0].sha256`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    UnknownKey { key: String, expected: Vec<&'static str> },
    MissingKey { key: String },
    RepeatedKey { key: String },
    BadValue { key: String, reason: String },
    NotYaml { reason: String },
}

impl Fault {
    /// The key that is wrong, where the text could be read that far.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::UnknownKey { key, .. }
            | Self::MissingKey { key }
            | Self::RepeatedKey { key }
            | Self::BadValue { key, .. } => Some(key),
            Self::NotYaml { .. } => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKey { key, expected } => {
                write!(f, "unknown key `{key}`, expected ")?;
                match expected.as_slice() {
                    [] => write!(f, "none"),
                    [only] => write!(f, "`{only}`"),
                    several => write!(f, "one of `{}`", several.join("`, `")),
                }
            }
            Self::MissingKey { key } => write!(f, "key `{key}` is missing"),
            Self::RepeatedKey { key } => write!(f, "key `{key}` is given twice"),
            Self::BadValue { key, reason } => write!(f, "key `{key}`: {reason}"),
            Self::NotYaml { reason } => write!(f, "{reason}"),
        }
    }
}
