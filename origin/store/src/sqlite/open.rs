//! Opens the store: checks that no other process uses it, that it is a store of CortexOS and that
//! its schema is known, and makes every commit flush.

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
use super::ownership::Owners;
use super::readers::Readers;
use super::writer::Writer;

/// "Cort", which marks the file as a store of CortexOS.
const APPLICATION_ID: i32 = 0x436f_7274;
const READERS: usize = 3;
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Why the store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("can't create the folder {} for the store: {cause}; set CORTEX_HOME to another folder", folder.display())]
    Folder { folder: PathBuf, cause: io::Error },
    #[error("the store {} is in use by {}; stop it, or set CORTEX_HOME to another folder", path.display(), describe_holder(*pid))]
    InUse { path: PathBuf, pid: Option<u32> },
    #[error("{} is not a store of CortexOS; move it away, or set CORTEX_HOME to another folder", path.display())]
    Foreign { path: PathBuf },
    #[error(
        "the store {} has schema {found}, but this program supports at most {SCHEMA_VERSION}; use the newer version of CortexOS that wrote it",
        path.display()
    )]
    Newer { path: PathBuf, found: i32 },
    #[error(
        "the store {} has schema {found}, but this program needs {SCHEMA_VERSION}: make a copy of the file, then run `cortex store migrate`",
        path.display()
    )]
    Older { path: PathBuf, found: i32 },
    #[error("the store {} is damaged ({cause}); move it away, and put a copy in its place with `cortex store restore`", path.display())]
    Damaged { path: PathBuf, cause: rusqlite::Error },
    #[error("there is no store at {}", path.display())]
    Missing { path: PathBuf },
    #[error("the file system of the store {} does not support a write-ahead log; set CORTEX_HOME to a folder on a local disk", path.display())]
    NoLog { path: PathBuf },
    #[error("can't open the store {}: {cause}; check that the disk has free space and that you may write there", path.display())]
    File { path: PathBuf, cause: io::Error },
    #[error("can't open the store {}: {cause}; check that the disk has free space and that you may write there", path.display())]
    Database { path: PathBuf, cause: rusqlite::Error },
}

fn describe_holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

impl SqliteStore {
    /// Opens the store in the file at `path`, or creates it. Blocks.
    ///
    /// # Errors
    /// Returns an error if the store is in use, is not a store of CortexOS or is newer than this
    /// program, or if the disk fails.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::open_with(path, Retention::default())
    }

    /// Opens the store with the limits of `retention`.
    ///
    /// # Errors
    /// Returns an error in the same cases as [`Self::open`].
    pub fn open_with(path: impl AsRef<Path>, retention: Retention) -> Result<Self, OpenError> {
        Self::open_as(path.as_ref(), retention, Migration::Refuse)
    }

    /// Raises the schema of the store to that of this program. Blocks. Returns the schema that it had.
    ///
    /// # Errors
    /// Returns an error if there is no store, or in the same cases as [`Self::open`].
    pub fn migrate(path: impl AsRef<Path>, retention: Retention) -> Result<i32, OpenError> {
        let path = path.as_ref();
        if !path.exists() {
            return Err(OpenError::Missing { path: path.to_owned() });
        }
        let found = schema(&open_reader(path).map_err(|cause| database_error(path, cause))?)
            .map_err(|cause| database_error(path, cause))?;
        Self::open_as(path, retention, Migration::Apply)?;
        Ok(found)
    }

    fn open_as(path: &Path, retention: Retention, migration: Migration) -> Result<Self, OpenError> {
        let file_error = |cause| OpenError::File { path: path.to_owned(), cause };
        let database_error = |cause| database_error(path, cause);

        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(|cause| OpenError::Folder { folder: folder.to_owned(), cause })?;
        let lock = Lock::take(path).map_err(|error| match error {
            LockError::Held(pid) => OpenError::InUse { path: path.to_owned(), pid },
            LockError::Failed(cause) => file_error(cause),
        })?;
        private(path).map_err(file_error)?;

        let writer = open_writer(path)?;
        make_tables(&writer, path, &retention, migration)?;
        // A new file's directory entry is flushed as well as its content.
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(file_error)?;
        let readers: rusqlite::Result<Vec<_>> = (0..READERS).map(|_| open_reader(path)).collect();
        Ok(Self {
            readers: Readers::start(readers.map_err(database_error)?).map_err(file_error)?,
            writer: Writer::start(writer).map_err(file_error)?,
            _lock: lock,
            retention,
            owners: Owners::default(),
            early_deletions: Mutex::default(),
        })
    }
}

/// What to do with an older schema.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Migration {
    Refuse,
    Apply,
}

/// Opens an existing store of this schema for reading.
pub(super) fn open_known(path: &Path) -> Result<Connection, OpenError> {
    if !path.is_file() {
        return Err(OpenError::Missing { path: path.to_owned() });
    }
    let reader = open_reader(path).map_err(|cause| database_error(path, cause))?;
    check_origin(&reader, path)?;
    match schema(&reader).map_err(|cause| database_error(path, cause))? {
        SCHEMA_VERSION => Ok(reader),
        found => Err(OpenError::Older { path: path.to_owned(), found }),
    }
}

fn schema(connection: &Connection) -> rusqlite::Result<i32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn open_writer(path: &Path) -> Result<Connection, OpenError> {
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
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Rejects a foreign or newer file before anything is written to it.
fn check_origin(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0));
    let is_new = number("page_count").map_err(|cause| database_error(path, cause))? == 0;
    let application = number("application_id").map_err(|cause| database_error(path, cause))?;
    if !is_new && application != APPLICATION_ID {
        return Err(OpenError::Foreign { path: path.to_owned() });
    }
    match schema(connection).map_err(|cause| database_error(path, cause))? {
        found if found > SCHEMA_VERSION => Err(OpenError::Newer { path: path.to_owned(), found }),
        _ => Ok(()),
    }
}

/// Makes a commit return only after the disk has it. On macOS this needs `fullfsync`.
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

/// Makes the tables of a new file, and migrates an older one if `migration` says so.
fn make_tables(
    connection: &Connection,
    path: &Path,
    retention: &Retention,
    migration: Migration,
) -> Result<(), OpenError> {
    let database_error = |cause| database_error(path, cause);
    let made = schema(connection).map_err(database_error)?;
    if made == SCHEMA_VERSION {
        return Ok(());
    }
    if made > 0 && migration == Migration::Refuse {
        return Err(OpenError::Older { path: path.to_owned(), found: made });
    }
    raise(connection, made, retention).map_err(database_error)
}

pub(super) fn raise(connection: &Connection, made: i32, retention: &Retention) -> rusqlite::Result<()> {
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
        Some(ErrorCode::DatabaseCorrupt) => OpenError::Damaged { path, cause },
        _ => OpenError::Database { path, cause },
    }
}
