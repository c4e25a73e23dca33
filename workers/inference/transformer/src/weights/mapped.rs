//! Memory-mapped files.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cortex_compute::Bytes;
use memmap2::{Advice, Mmap};

use super::LoadError;

/// A mapped file. Its tensors share its bytes.
#[derive(Debug, Clone)]
pub(crate) struct MappedFile {
    path: Arc<Path>,
    map: Arc<Mmap>,
}

impl MappedFile {
    pub(crate) fn open(path: PathBuf) -> Result<Self, LoadError> {
        let map = || -> io::Result<Mmap> {
            let file = File::open(&path)?;
            // SAFETY: model files are replaced by renaming, never written in place, so the bytes
            // stay as they are.
            let map = unsafe { Mmap::map(&file)? };
            Ok(map)
        };
        match map() {
            Ok(map) => Ok(Self { path: path.into(), map: Arc::new(map) }),
            Err(error) => Err(LoadError::Io { path, error }),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.map
    }

    pub(crate) fn shared(&self) -> Bytes {
        Arc::clone(&self.map) as Bytes
    }

    /// Reads a range into memory, so that no token waits for the disk.
    pub(crate) fn read(&self, range: Range<usize>) {
        const PAGE: usize = 4096;
        // The advice only makes it faster, so its failure doesn't matter.
        let _ = self.map.advise_range(Advice::WillNeed, range.start, range.len());
        let bytes = &self.map[range];
        for page in bytes.chunks(PAGE) {
            std::hint::black_box(page[0]);
        }
    }
}
