//! A partial download beside the target path. It is moved there once its hash is verified.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::SourceError;
use crate::{ModelFile, verify};

pub(super) struct PartialFile {
    pinned: ModelFile,
    place: PathBuf,
    path: PathBuf,
    file: File,
    len: u64,
}

impl PartialFile {
    /// Opens the partial file of an earlier pull, or a new one.
    pub(super) fn open(pinned: &ModelFile, dir: &Path) -> io::Result<Self> {
        let place = pinned.path.within(dir);
        let mut path = place.clone().into_os_string();
        path.push(".part");
        let path = PathBuf::from(path);
        let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
        let mut len = file.seek(io::SeekFrom::End(0))?;
        if len > pinned.size {
            file.set_len(0)?;
            len = 0;
        }
        Ok(Self { pinned: pinned.clone(), place, path, file, len })
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn restart(&mut self) -> io::Result<()> {
        self.len = 0;
        self.file.set_len(0)
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), SourceError> {
        let len = self.len + bytes.len() as u64;
        if len > self.pinned.size {
            self.restart()?;
            return Err(SourceError::Oversized {
                file: self.pinned.path.to_string(),
                size: self.pinned.size,
            });
        }
        self.file.write_all(bytes)?;
        self.len = len;
        Ok(())
    }

    /// Fills the file from a local reader, from the start.
    pub(super) fn fill(
        &mut self,
        mut from: impl Read,
        mut meter: impl FnMut(u64),
    ) -> Result<(), SourceError> {
        self.restart()?;
        let mut block = vec![0; 256 * 1024];
        loop {
            let read = from.read(&mut block)?;
            if read == 0 {
                return Ok(());
            }
            self.write(&block[..read])?;
            meter(self.len);
        }
    }

    /// Checks the hash and moves the file to its target path. A file with a wrong hash is deleted,
    /// because resuming can't repair it.
    pub(super) fn finish(self) -> Result<(), SourceError> {
        let Self { pinned, place, path, file, len } = self;
        if len < pinned.size {
            return Err(SourceError::Truncated {
                file: pinned.path.to_string(),
                got: len,
                size: pinned.size,
            });
        }
        file.sync_all()?;
        if let Err(error) = verify::file(&pinned, &path) {
            fs::remove_file(&path)?;
            return Err(error.into());
        }
        fs::rename(&path, &place)?;
        Ok(())
    }
}
