//! A disk that remembers which writes were flushed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a power cut loses.
#[derive(Clone, Copy)]
pub(crate) enum Loss {
    /// Every write that was not flushed.
    All,
    /// Any of those writes, and any sectors of a write.
    Some(Rng),
}

/// Random numbers from a seed (splitmix64; Steele, Lea, Flood 2014).
#[derive(Clone, Copy)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn below(mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

const SECTOR: usize = 512;

/// The flushed content of a file, and the operations since.
struct Content {
    flushed: Vec<u8>,
    since: Vec<DiskOperation>,
}

enum DiskOperation {
    Write { at: usize, bytes: Vec<u8> },
    Truncate { to: usize },
}

/// What a disk refuses to do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum DiskFault {
    /// The disk is full, so files can't grow.
    Full,
    /// Flushes fail.
    Flush,
}

struct Disk {
    files: BTreeMap<PathBuf, Content>,
    faults: Vec<(PathBuf, DiskFault)>,
}

static DISK: Mutex<Disk> = Mutex::new(Disk { files: BTreeMap::new(), faults: Vec::new() });

impl Disk {
    fn has(&self, path: &Path, fault: DiskFault) -> bool {
        self.faults.iter().any(|(folder, other)| path.starts_with(folder) && *other == fault)
    }
}

fn disk() -> MutexGuard<'static, Disk> {
    DISK.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn opened(path: &Path) {
    let mut disk = disk();
    if !disk.files.contains_key(path) {
        let content = Content { flushed: fs::read(path).unwrap_or_default(), since: Vec::new() };
        disk.files.insert(path.to_owned(), content);
    }
}

/// Records a write. Returns false if the disk is full.
pub(crate) fn wrote(path: &Path, at: usize, bytes: &[u8]) -> bool {
    let mut disk = disk();
    if disk.has(path, DiskFault::Full) {
        return false;
    }
    if let Some(content) = disk.files.get_mut(path) {
        content.since.push(DiskOperation::Write { at, bytes: bytes.to_vec() });
    }
    true
}

pub(crate) fn truncated(path: &Path, to: usize) {
    if let Some(content) = disk().files.get_mut(path) {
        content.since.push(DiskOperation::Truncate { to });
    }
}

pub(crate) fn deleted(path: &Path) {
    disk().files.remove(path);
}

/// Flushes a file. Returns false if the flush fails, and then nothing is flushed.
pub(crate) fn flushed(path: &Path) -> bool {
    let mut disk = disk();
    if disk.has(path, DiskFault::Flush) {
        return false;
    }
    if let Some(content) = disk.files.get_mut(path) {
        for operation in std::mem::take(&mut content.since) {
            redo(&mut content.flushed, &operation, |_| true);
        }
    }
    true
}

/// Sets the fault of the disk under a folder, or clears it.
pub(crate) fn set_fault(folder: &Path, fault: Option<DiskFault>) {
    let mut disk = disk();
    disk.faults.retain(|(other, _)| other != folder);
    disk.faults.extend(fault.map(|fault| (folder.to_owned(), fault)));
}

/// Forgets the files of folders that are no longer needed.
pub(crate) fn forget(folders: [&Path; 2]) {
    disk().files.retain(|path, _| !folders.iter().any(|folder| path.starts_with(folder)));
}

/// Writes what a power cut leaves of the files of `folder` into the folder `to`.
pub(crate) fn cut(folder: &Path, to: &Path, loss: Loss) {
    for (path, content) in disk().files.iter().filter(|(path, _)| path.parent() == Some(folder)) {
        let mut left = content.flushed.clone();
        if let Loss::Some(mut rng) = loss {
            for operation in content.since.iter() {
                if rng.next() % 2 == 0 {
                    let whole = rng.next() % 2 == 0;
                    redo(&mut left, operation, |_| whole || rng.next() % 2 == 0);
                }
            }
        }
        fs::write(to.join(path.file_name().unwrap()), left).unwrap();
    }
}

/// Applies an operation to a file's bytes, except for the lost sectors.
fn redo(file: &mut Vec<u8>, operation: &DiskOperation, mut keeps: impl FnMut(usize) -> bool) {
    match operation {
        DiskOperation::Truncate { to } => file.truncate(*to),
        DiskOperation::Write { at, bytes } => {
            for (n, sector) in bytes.chunks(SECTOR).enumerate().filter(|(n, _)| keeps(*n)) {
                let start = at + n * SECTOR;
                let end = start + sector.len();
                if file.len() < end {
                    file.resize(end, 0);
                }
                file[start..end].copy_from_slice(sector);
            }
        }
    }
}
