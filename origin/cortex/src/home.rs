//! The home folder: where everything that is kept lies.

use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::exit::{Exit, Failure};

/// `$CORTEX_HOME`. Only its owner can look inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Home(PathBuf);

impl Home {
    /// The folder that was named, or `~/.cortex`; made if it is not there.
    ///
    /// # Errors
    /// If there is no telling where it is, or it can't be made.
    pub(crate) fn open(named: Option<PathBuf>) -> Result<Self, Failure> {
        let path =
            named.or_else(|| std::env::home_dir().map(|home| home.join(".cortex"))).ok_or_else(|| {
                Failure::message(Exit::Config, "there is no home folder: name one with --home or CORTEX_HOME")
            })?;
        let home = Self(std::path::absolute(&path)?);
        for folder in [home.path(), &home.run(), &home.logs(), &home.models(), &home.edge()] {
            make(folder).map_err(|error| {
                Failure::message(Exit::Config, format!("{}: can't be made: {error}", folder.display()))
            })?;
        }
        Ok(home)
    }

    #[must_use]
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The store.
    #[must_use]
    pub(crate) fn store(&self) -> PathBuf {
        self.0.join("store.db")
    }

    /// Models, a folder each.
    #[must_use]
    pub(crate) fn models(&self) -> PathBuf {
        self.0.join("models")
    }

    /// What parts write while they run.
    #[must_use]
    pub(crate) fn logs(&self) -> PathBuf {
        self.0.join("logs")
    }

    /// Sockets, and what says what runs.
    #[must_use]
    pub(crate) fn run(&self) -> PathBuf {
        self.0.join("run")
    }

    /// What workerd keeps for the edge in development.
    #[must_use]
    pub(crate) fn edge(&self) -> PathBuf {
        self.0.join("edge")
    }

    /// The secrets of development.
    #[must_use]
    pub(crate) fn secrets(&self) -> PathBuf {
        self.0.join("secrets.json")
    }

    /// What `cortex up` runs now.
    #[must_use]
    pub(crate) fn running(&self) -> PathBuf {
        self.run().join("up.json")
    }
}

fn make(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Writes a file that only its owner can read, whole or not at all.
///
/// # Errors
/// If it can't be written.
pub(crate) fn write_private(path: &Path, contents: &[u8]) -> io::Result<()> {
    let draft = path.with_extension(format!("{}.tmp", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(contents)?;
    file.sync_all()?;
    std::fs::rename(&draft, path)
}
