//! Errors in configuration files, with their location.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a configuration file can't be used. The message starts with the file, and the line if it is
/// known.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{}: can't read the file: {cause}", file.display())]
    Unreadable { file: PathBuf, cause: io::Error },
    #[error("{}: the file is too large: must have at most {limit} bytes", file.display())]
    TooLarge { file: PathBuf, limit: usize },
    #[error("{}: the file is not valid UTF-8", file.display())]
    NotText { file: PathBuf },
    #[error("{}:{}: {fault}", file.display(), place.line)]
    Wrong { file: PathBuf, place: FileLocation, fault: Fault },
}

/// A location in a file. Lines and columns count from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileLocation {
    pub line: u64,
    pub column: u64,
}

/// The error at that location. A key is its path from the top: `models.minilm.files[0].sha256`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    UnknownKey { key: String, expected: Vec<&'static str> },
    MissingKey { key: String },
    RepeatedKey { key: String },
    BadValue { key: String, reason: String },
    NotYaml { reason: String },
}

impl Fault {
    /// Returns the invalid key, if the parser got that far.
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
            Self::MissingKey { key } => write!(f, "missing required key `{key}`"),
            Self::RepeatedKey { key } => write!(f, "duplicate key `{key}`"),
            Self::BadValue { key, reason } => write!(f, "invalid key `{key}`: {reason}"),
            Self::NotYaml { reason } => write!(f, "{reason}"),
        }
    }
}
