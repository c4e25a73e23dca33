//! The files of a model.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Deserialize;

use crate::Digest;

/// A file's path below the model's folder. It can't leave the folder.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct FilePath(String);

/// A file with its expected size and hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFile {
    pub path: FilePath,
    /// In bytes.
    pub size: u64,
    pub sha256: Digest,
}

impl FilePath {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the file's path if the model is in `dir`.
    #[must_use]
    pub fn within(&self, dir: &Path) -> PathBuf {
        dir.join(&self.0)
    }
}

impl FromStr for FilePath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if is_below(text) {
            Ok(Self(text.into()))
        } else {
            Err(format!("invalid file {text:?}: must be a relative path of plain names"))
        }
    }
}

impl TryFrom<String> for FilePath {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns whether every part of a path is a plain name on any system: no `..`, no root, no drive
/// and no hidden file.
pub(crate) fn is_below(path: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    path.split('/').all(|part| !part.is_empty() && !part.starts_with('.') && part.chars().all(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_outside_the_folder_is_refused() {
        for bad in ["", "/etc/passwd", "../x", "a/../x", "a//b", "a/", ".hidden", "c:\\x", "a\\b", "a\0b"] {
            assert!(bad.parse::<FilePath>().is_err(), "{bad}");
        }
        assert_eq!("1_Pooling/config.json".parse::<FilePath>().unwrap().as_str(), "1_Pooling/config.json");
    }
}
