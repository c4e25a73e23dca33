//! Is a file the one that was meant?

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::{Digest, ModelFile};

/// Why a model's files can't be used.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error("{} is missing: fetch it with `cortex models pull`", file.display())]
    Missing { file: PathBuf },
    #[error("{} can't be read: {source}", file.display())]
    Unreadable { file: PathBuf, source: io::Error },
    #[error("{} has {found} bytes instead of {expected}: fetch it again with `cortex models pull`", file.display())]
    WrongSize { file: PathBuf, expected: u64, found: u64 },
    #[error(
        "{} is corrupt: its sha256 is {found}, not {expected}: fetch it again with `cortex models pull`",
        file.display()
    )]
    Corrupt { file: PathBuf, expected: Digest, found: Digest },
}

/// Checks the file at `path` against its pin.
pub(crate) fn file(pinned: &ModelFile, path: &Path) -> Result<(), VerifyError> {
    let unreadable = |source| VerifyError::Unreadable { file: path.into(), source };
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
    let found = Digest::of(content).map_err(unreadable)?;
    if found != pinned.sha256 {
        return Err(VerifyError::Corrupt { file: path.into(), expected: pinned.sha256, found });
    }
    Ok(())
}
