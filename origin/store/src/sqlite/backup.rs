//! Copies a store to another file and back. A copy is made at one moment, also while the store is in
//! use.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::lock::{Lock, LockError, private};
use super::open::{self, OpenError};

/// A store could not be copied.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("{} already exists; name another file, or move it away", .0.display())]
    Exists(PathBuf),
    #[error("{} is damaged: {damage}", path.display())]
    Damaged { path: PathBuf, damage: String },
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("can't write {}: {cause}", path.display())]
    File { path: PathBuf, cause: io::Error },
    #[error("can't copy {}: {cause}", path.display())]
    Database { path: PathBuf, cause: rusqlite::Error },
}

/// Writes a copy of the store at `store` to the new file `to`, and flushes it. Blocks. Returns its
/// size in bytes.
///
/// # Errors
/// Returns an error if there is no store of this schema at `store`, if `to` exists, or if the disk
/// fails.
pub fn backup(store: &Path, to: &Path) -> Result<u64, BackupError> {
    let connection = open::open_known(store)?;
    copy(&connection, store, to)
}

/// Puts the copy `from` in the place of a store that does not exist, and flushes it. Blocks. Returns
/// its size in bytes.
///
/// # Errors
/// Returns an error if there is a store, if `from` is not a store or is damaged, or if the disk
/// fails.
pub fn restore(from: &Path, store: &Path) -> Result<u64, BackupError> {
    let connection = open::open_known(from)?;
    let damage =
        damage(&connection).map_err(|cause| BackupError::Database { path: from.to_owned(), cause })?;
    if let Some(damage) = damage {
        return Err(BackupError::Damaged { path: from.to_owned(), damage });
    }
    if let Some(folder) = store.parent() {
        fs::create_dir_all(folder).map_err(|cause| BackupError::File { path: folder.to_owned(), cause })?;
    }
    let _lock = lock(store)?;
    copy(&connection, from, store)
}

/// Keeps other processes from using a store.
pub(super) fn lock(store: &Path) -> Result<Lock, OpenError> {
    Lock::take(store).map_err(|error| match error {
        LockError::Held(pid) => OpenError::InUse { path: store.to_owned(), pid },
        LockError::Failed(cause) => OpenError::File { path: store.to_owned(), cause },
    })
}

/// Creates an empty file beside `to`, which must not exist. Only its owner may read it, also while
/// it is written.
pub(super) fn new_draft(to: &Path) -> Result<PathBuf, BackupError> {
    if [to.to_owned(), beside(to, "-wal")].iter().any(|path| path.exists()) {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let file_error = |cause| BackupError::File { path: to.to_owned(), cause };
    if let Some(folder) = to.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(file_error)?;
    }
    let draft = beside(to, ".draft");
    let _ = fs::remove_file(&draft);
    private(&draft).map_err(file_error)?;
    Ok(draft)
}

/// Flushes a draft, and gives it its name, which must not exist. Returns its size in bytes.
pub(super) fn publish(draft: &Path, to: &Path) -> io::Result<u64> {
    let file = File::open(draft)?;
    file.sync_all()?;
    // Unlike a rename, this never replaces a file.
    fs::hard_link(draft, to)?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()?;
    Ok(file.metadata()?.len())
}

/// Copies through a file beside `to`, so that `to` is whole or does not exist.
fn copy(connection: &Connection, from: &Path, to: &Path) -> Result<u64, BackupError> {
    let exists = || BackupError::Exists(to.to_owned());
    let draft = new_draft(to)?;
    let file_error = |cause| BackupError::File { path: to.to_owned(), cause };
    let copied = write(connection, &draft, to);
    let _ = fs::remove_file(&draft);
    copied.map_err(|error| match error {
        CopyError::Io(error) if error.kind() == io::ErrorKind::AlreadyExists => exists(),
        CopyError::Io(error) => file_error(error),
        CopyError::Database(cause) => BackupError::Database { path: from.to_owned(), cause },
    })
}

enum CopyError {
    Io(io::Error),
    Database(rusqlite::Error),
}

fn write(connection: &Connection, draft: &Path, to: &Path) -> Result<u64, CopyError> {
    // SQLite counts the new file as a write, although the connection can only read the store.
    connection
        .pragma_update(None, "query_only", false)
        .and_then(|()| connection.execute("VACUUM INTO ?1", [draft.to_string_lossy()]))
        .map_err(CopyError::Database)?;
    publish(draft, to).map_err(CopyError::Io)
}

/// Returns what is damaged in a file, if anything.
fn damage(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let found: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    Ok((found != "ok").then_some(found))
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
