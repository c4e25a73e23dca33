//! Opening: one process, a file of ours, a schema we know, and every write flushed.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use cortex_domain::retention::Retention;
use rusqlite::ffi::ErrorCode;
use rusqlite::{Connection, OpenFlags};

use super::SqliteStore;
use super::lock::{Lock, LockError, private};
use super::migrate::{self, SCHEMA_VERSION};
use super::readers::Readers;
use super::writer::Writer;

/// "Cort": marks the file as ours.
const APPLICATION_ID: i32 = 0x436f_7274;
const READERS: usize = 3;
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("can't make the folder {} for the store: {cause}; choose another by CORTEX_HOME", folder.display())]
    Folder { folder: PathBuf, cause: io::Error },
    #[error("the store {} is in use by {}; stop it, or choose another folder by CORTEX_HOME", path.display(), describe_holder(*pid))]
    InUse { path: PathBuf, pid: Option<u32> },
    #[error("{} is no store of CortexOS; move it away, or choose another folder by CORTEX_HOME", path.display())]
    Foreign { path: PathBuf },
    #[error(
        "the store {} has schema {found}, and this program knows up to {SCHEMA_VERSION}; use the newer program that wrote it",
        path.display()
    )]
    Newer { path: PathBuf, found: i32 },
    #[error("the file system under {} can't hold a write-ahead log; use a local disk", path.display())]
    NoLog { path: PathBuf },
    #[error("can't open the store {}: {cause}; check that its disk has room and that you may write there", path.display())]
    File { path: PathBuf, cause: io::Error },
    #[error("can't open the store {}: {cause}; check that its disk has room and that you may write there", path.display())]
    Database { path: PathBuf, cause: rusqlite::Error },
}

fn describe_holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

impl SqliteStore {
    /// Opens the store in the file at `path`, and makes it where there is none. Blocks.
    ///
    /// # Errors
    /// If it is in use, is not ours or is newer than this program, or if the disk refuses.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::open_with(path, Retention::default())
    }

    /// Opens the store, which then keeps and takes what `retention` says.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with(path: impl AsRef<Path>, retention: Retention) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let file_error = |cause| OpenError::File { path: path.to_owned(), cause };
        let database_error = |cause| database_error(path, cause);

        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(|cause| OpenError::Folder { folder: folder.to_owned(), cause })?;
        let lock = Lock::take(path).map_err(|error| match error {
            LockError::Held(pid) => OpenError::InUse { path: path.to_owned(), pid },
            LockError::Failed(cause) => file_error(cause),
        })?;
        private(path).map_err(file_error)?;

        let writer = open_writer(path, &retention)?;
        // The names of the files made just now are flushed as well as what is in them.
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(file_error)?;
        let readers: rusqlite::Result<Vec<_>> = (0..READERS).map(|_| open_reader(path)).collect();
        Ok(Self {
            readers: Readers::start(readers.map_err(database_error)?).map_err(file_error)?,
            writer: Writer::start(writer).map_err(file_error)?,
            _lock: lock,
            retention,
            early_deletions: Mutex::default(),
        })
    }
}

fn open_writer(path: &Path, retention: &Retention) -> Result<Connection, OpenError> {
    let database_error = |cause| database_error(path, cause);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(database_error)?;
    check_origin(&connection, path)?;
    flush_always(&connection).map_err(database_error)?;
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))
        .map_err(database_error)?;
    if mode != "wal" {
        return Err(OpenError::NoLog { path: path.to_owned() });
    }
    make_tables(&connection, retention).map_err(database_error)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Refuses what is not ours before anything is written to it.
fn check_origin(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0));
    let is_new = number("page_count").map_err(|cause| database_error(path, cause))? == 0;
    let application = number("application_id").map_err(|cause| database_error(path, cause))?;
    if !is_new && application != APPLICATION_ID {
        return Err(OpenError::Foreign { path: path.to_owned() });
    }
    match number("user_version").map_err(|cause| database_error(path, cause))? {
        found if found > SCHEMA_VERSION => Err(OpenError::Newer { path: path.to_owned(), found }),
        _ => Ok(()),
    }
}

/// A commit returns once the disk has it: `fullfsync` is what that takes on a Mac.
fn flush_always(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.execute_batch(
        "PRAGMA synchronous = FULL;
         PRAGMA fullfsync = ON;
         PRAGMA checkpoint_fullfsync = ON;
         PRAGMA wal_autocheckpoint = 2000;
         PRAGMA journal_size_limit = 67108864;
         PRAGMA cache_size = -8192;
         PRAGMA trusted_schema = OFF;",
    )
}

fn make_tables(connection: &Connection, retention: &Retention) -> rusqlite::Result<()> {
    let made: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if made == SCHEMA_VERSION {
        return Ok(());
    }
    connection.execute_batch("BEGIN IMMEDIATE")?;
    if made == 0 {
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    migrate::apply(connection, made, retention)?;
    connection.execute_batch("COMMIT")
}

fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.execute_batch("PRAGMA query_only = ON; PRAGMA trusted_schema = OFF;")?;
    Ok(connection)
}

fn database_error(path: &Path, cause: rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    match cause.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::Foreign { path },
        _ => OpenError::Database { path, cause },
    }
}
