//! Verification of files.

use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::{Digest, ModelFile};

/// Why a model's files can't be used.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error("{} is missing: fetch it with `cortex models pull`", file.display())]
    Missing { file: PathBuf },
    #[error("{} can't be read: {cause}", file.display())]
    Unreadable { file: PathBuf, cause: io::Error },
    #[error("{} has {found} bytes instead of {expected}: fetch it again with `cortex models pull`", file.display())]
    WrongSize { file: PathBuf, expected: u64, found: u64 },
    #[error(
        "{} is corrupt: its sha256 is {found}, not {expected}: fetch it again with `cortex models pull`",
        file.display()
    )]
    Corrupt { file: PathBuf, expected: Digest, found: Digest },
    #[error("checking {} was stopped", file.display())]
    Stopped { file: PathBuf },
}

/// A reader that the caller can stop.
struct StoppableReader<'a> {
    content: File,
    read: u64,
    wanted: &'a mut dyn FnMut(u64) -> ControlFlow<()>,
    stopped: bool,
}

impl Read for StoppableReader<'_> {
    fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        if (self.wanted)(self.read).is_break() {
            self.stopped = true;
            return Ok(0);
        }
        let read = self.content.read(block)?;
        self.read += read as u64;
        Ok(read)
    }
}

/// Checks the file at `path` against its expected size and hash.
#[cfg(feature = "pull")]
pub(crate) fn file(pinned: &ModelFile, path: &Path) -> Result<(), VerifyError> {
    file_while(pinned, path, &mut |_| ControlFlow::Continue(()))
}

/// Checks the file like [`file`]. `wanted` gets the number of read bytes and may stop the check.
pub(crate) fn file_while(
    pinned: &ModelFile,
    path: &Path,
    wanted: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<(), VerifyError> {
    let unreadable = |cause| VerifyError::Unreadable { file: path.into(), cause };
    let content = match File::open(path) {
        Ok(content) => content,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(VerifyError::Missing { file: path.into() });
        }
        Err(error) => return Err(unreadable(error)),
    };
    let size = content.metadata().map_err(unreadable)?.len();
    if size != pinned.size {
        return Err(VerifyError::WrongSize { file: path.into(), expected: pinned.size, found: size });
    }
    let mut content = StoppableReader { content, read: 0, wanted, stopped: false };
    let found = Digest::of(&mut content).map_err(unreadable)?;
    if content.stopped {
        return Err(VerifyError::Stopped { file: path.into() });
    }
    if found != pinned.sha256 {
        return Err(VerifyError::Corrupt { file: path.into(), expected: pinned.sha256, found });
    }
    Ok(())
}
