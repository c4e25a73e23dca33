//! The home folder, which holds all stored files.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The sticky bit, which marks shared folders such as /tmp.
const STICKY_BIT: u32 = 0o1000;

/// Why the home folder can't be used.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    #[error("the home folder is unknown: set --home or CORTEX_HOME")]
    Unknown,
    #[error("can't create {}: {cause}", .folder.display())]
    Make { folder: PathBuf, cause: io::Error },
    #[error(
        "{place} is accessible to other users (mode {mode:o}): run `chmod 700 {place}`, or set \
            another home with --home or CORTEX_HOME",
        place = .folder.display()
    )]
    Open { folder: PathBuf, mode: u32 },
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// `$CORTEX_HOME`. Only its owner has access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home(PathBuf);

impl Home {
    /// Opens the given folder or `~/.cortex`, and creates it if it is missing.
    ///
    /// # Errors
    /// Returns an error if the path is unknown, the folder can't be created, or other users have
    /// access and it can't be removed.
    pub fn open(named: Option<PathBuf>) -> Result<Self, HomeError> {
        let usual = || std::env::home_dir().map(|home| home.join(".cortex"));
        let path = named.or_else(usual).ok_or(HomeError::Unknown)?;
        let home = Self(std::path::absolute(&path)?);
        make(home.path())?;
        home.close()?;
        for folder in [home.run(), home.logs(), home.models(), home.edge()] {
            make(&folder)?;
        }
        Ok(home)
    }

    /// Removes the access of other users from a known home. Any other folder is left unchanged,
    /// because its path may be a mistake.
    fn close(&self) -> Result<(), HomeError> {
        let metadata = std::fs::metadata(&self.0)?;
        let mode = metadata.permissions().mode() & 0o7777;
        if mode & 0o077 == 0 {
            return Ok(());
        }
        let mine = metadata.uid() == rustix::process::geteuid().as_raw() && mode & STICKY_BIT == 0;
        if mine && self.is_known()? {
            return Ok(std::fs::set_permissions(&self.0, Permissions::from_mode(0o700))?);
        }
        Err(HomeError::Open { folder: self.0.clone(), mode })
    }

    /// Returns whether the folder was a home before, or contains only files of a home.
    fn is_known(&self) -> io::Result<bool> {
        if self.secrets().is_file() {
            return Ok(true);
        }
        let ours = [
            self.store(),
            self.models(),
            self.logs(),
            self.run(),
            self.edge(),
            self.demo(),
            self.chat_history(),
            self.workers(),
            self.worker_tokens(),
            self.link_certificate(),
            self.link_key(),
            self.installation(),
        ];
        let found = std::fs::read_dir(&self.0)?.map(|entry| entry.map(|entry| entry.path()));
        Ok(found.collect::<io::Result<Vec<_>>>()?.iter().all(|path| ours.contains(path)))
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Returns the file of the store.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.0.join("store.db")
    }

    /// Returns the folder of the models, with a folder for each.
    #[must_use]
    pub fn models(&self) -> PathBuf {
        self.0.join("models")
    }

    /// Returns the folder of the logs.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.0.join("logs")
    }

    /// Returns the folder of the sockets and of the list of running processes.
    #[must_use]
    pub fn run(&self) -> PathBuf {
        self.0.join("run")
    }

    /// Returns the socket on which a worker process passes on its metrics.
    #[must_use]
    pub fn metrics_socket(&self, worker: &str) -> PathBuf {
        self.run().join(format!("{worker}.metrics.sock"))
    }

    /// Returns the folder of the local edge's data.
    #[must_use]
    pub fn edge(&self) -> PathBuf {
        self.0.join("edge")
    }

    /// Returns the home folder of `cortex demo`.
    #[must_use]
    pub fn demo(&self) -> PathBuf {
        self.0.join("demo")
    }

    /// Returns the file of the input history of `cortex chat`.
    #[must_use]
    pub fn chat_history(&self) -> PathBuf {
        self.0.join("chat-history")
    }

    /// Returns the file of the development secrets.
    #[must_use]
    pub fn secrets(&self) -> PathBuf {
        self.0.join("secrets.json")
    }

    /// Returns the folder of the ids of workers that were started without one.
    #[must_use]
    pub fn workers(&self) -> PathBuf {
        self.0.join("workers")
    }

    /// Returns the file of the hashes of the workers' tokens.
    #[must_use]
    pub fn worker_tokens(&self) -> PathBuf {
        self.0.join("worker-tokens.json")
    }

    /// Returns the file of the origin's certificate for workers on other machines.
    #[must_use]
    pub fn link_certificate(&self) -> PathBuf {
        self.0.join("link-certificate.pem")
    }

    /// Returns the file of that certificate's key.
    #[must_use]
    pub fn link_key(&self) -> PathBuf {
        self.0.join("link-key.pem")
    }

    /// Returns the file of the installation's id.
    #[must_use]
    pub fn installation(&self) -> PathBuf {
        self.0.join("installation")
    }

    /// Returns the file that lists what `cortex up` runs now.
    #[must_use]
    pub fn running(&self) -> PathBuf {
        self.run().join("up.json")
    }
}

fn make(folder: &Path) -> Result<(), HomeError> {
    if folder.is_dir() {
        return Ok(());
    }
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|cause| HomeError::Make { folder: folder.to_owned(), cause })
}

/// Writes a file that only its owner can read. The write is atomic and flushed.
///
/// # Errors
/// Returns an error if the file can't be written.
pub fn write_private(path: &Path, contents: &[u8]) -> io::Result<()> {
    let draft = path.with_extension(format!("{}.tmp", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(contents)?;
    file.sync_all()?;
    std::fs::rename(&draft, path)?;
    // The name is stored in the folder. Until the folder is flushed, a crash can bring the old file
    // back.
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(mode: u32, holding: &[&str]) -> (Result<Home, HomeError>, u32) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("home");
        std::fs::create_dir(&path).unwrap();
        for name in holding {
            std::fs::write(path.join(name), "").unwrap();
        }
        std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let home = Home::open(Some(path.clone()));
        (home, std::fs::metadata(path).unwrap().permissions().mode() & 0o7777)
    }

    #[test]
    fn a_home_that_others_can_access_is_closed() {
        for (mode, holding) in
            [(0o755, &[][..]), (0o777, &["store.db"]), (0o750, &["secrets.json", "pools.yaml"])]
        {
            let (home, mode) = opened(mode, holding);
            assert!(home.is_ok(), "{holding:?}");
            assert_eq!(mode, 0o700, "{holding:?}");
        }
        assert_eq!(opened(0o500, &[]).1, 0o500, "a private one is unchanged");
    }

    #[test]
    fn a_folder_that_is_not_a_home_is_rejected_and_unchanged() {
        for (mode, holding) in [(0o755, &["report.pdf"]), (0o1777, &["secrets.json"])] {
            let (home, after) = opened(mode, holding);
            let error = home.unwrap_err();
            assert!(matches!(error, HomeError::Open { .. }), "{error:?}");
            assert_eq!(after, mode);
            let text = error.to_string();
            assert!(
                text.contains("/home is accessible to other users") && text.contains("chmod 700"),
                "{text}"
            );
        }
    }
}
