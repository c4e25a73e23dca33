//! Lets one process use the store at a time. A locked file beside the store contains the id of that
//! process.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// The lock, held until it is dropped or its process ends.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

pub(super) enum LockError {
    /// Another process holds the lock. Contains its id, if it can be read.
    Held(Option<u32>),
    Failed(io::Error),
}

impl Lock {
    pub(super) fn take(store: &Path) -> Result<Self, LockError> {
        let mut file = private(&lock_path(store)).map_err(LockError::Failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LockError::Held(holder(&mut file))),
            Err(TryLockError::Error(error)) => return Err(LockError::Failed(error)),
        }
        file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(LockError::Failed)?;
        Ok(Self { _file: file })
    }
}

/// Opens a file that only its owner may read. Creates it if it does not exist.
pub(super) fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn lock_path(store: &Path) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
