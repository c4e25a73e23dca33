//! A disk that remembers which writes were flushed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is lost at a cut.
#[derive(Clone, Copy)]
pub(crate) enum Loss {
    /// Every write that was not flushed.
    All,
    /// Any of them, and of a write any of its sectors.
    Some(Chance),
}

/// Numbers that follow from a seed (splitmix64; Steele, Lea, Flood 2014).
#[derive(Clone, Copy)]
pub(crate) struct Chance(u64);

impl Chance {
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

/// A file: what is flushed, and what was done to it since.
struct Content {
    flushed: Vec<u8>,
    since: Vec<Deed>,
}

enum Deed {
    Write { at: usize, bytes: Vec<u8> },
    Truncate { to: usize },
}

/// What a disk refuses to do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It is full: files don't grow.
    Full,
    /// Flushes fail.
    Flush,
}

struct Disk {
    files: BTreeMap<PathBuf, Content>,
    troubles: Vec<(PathBuf, Trouble)>,
}

static DISK: Mutex<Disk> = Mutex::new(Disk { files: BTreeMap::new(), troubles: Vec::new() });

impl Disk {
    fn has(&self, path: &Path, trouble: Trouble) -> bool {
        self.troubles.iter().any(|(folder, other)| path.starts_with(folder) && *other == trouble)
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

/// Takes a write; false if the disk is full.
pub(crate) fn wrote(path: &Path, at: usize, bytes: &[u8]) -> bool {
    let mut disk = disk();
    if disk.has(path, Trouble::Full) {
        return false;
    }
    if let Some(content) = disk.files.get_mut(path) {
        content.since.push(Deed::Write { at, bytes: bytes.to_vec() });
    }
    true
}

pub(crate) fn truncated(path: &Path, to: usize) {
    if let Some(content) = disk().files.get_mut(path) {
        content.since.push(Deed::Truncate { to });
    }
}

pub(crate) fn deleted(path: &Path) {
    disk().files.remove(path);
}

/// Flushes a file; false if it fails, and then nothing is flushed.
pub(crate) fn flushed(path: &Path) -> bool {
    let mut disk = disk();
    if disk.has(path, Trouble::Flush) {
        return false;
    }
    if let Some(content) = disk.files.get_mut(path) {
        for deed in std::mem::take(&mut content.since) {
            redo(&mut content.flushed, &deed, |_| true);
        }
    }
    true
}

/// Gives the disk under a folder a trouble, or takes its troubles away.
pub(crate) fn trouble(folder: &Path, trouble: Option<Trouble>) {
    let mut disk = disk();
    disk.troubles.retain(|(other, _)| other != folder);
    disk.troubles.extend(trouble.map(|trouble| (folder.to_owned(), trouble)));
}

/// Forgets the files of folders that are done with.
pub(crate) fn forget(folders: [&Path; 2]) {
    disk().files.retain(|path, _| !folders.iter().any(|folder| path.starts_with(folder)));
}

/// Writes what is left of the files of `folder` after a power cut into the folder `to`.
pub(crate) fn cut(folder: &Path, to: &Path, loss: Loss) {
    for (path, content) in disk().files.iter().filter(|(path, _)| path.parent() == Some(folder)) {
        let mut left = content.flushed.clone();
        if let Loss::Some(mut chance) = loss {
            for deed in content.since.iter() {
                if chance.next() % 2 == 0 {
                    let whole = chance.next() % 2 == 0;
                    redo(&mut left, deed, |_| whole || chance.next() % 2 == 0);
                }
            }
        }
        fs::write(to.join(path.file_name().unwrap()), left).unwrap();
    }
}

/// Does a deed to a file's bytes, but for the sectors that are not kept.
fn redo(file: &mut Vec<u8>, deed: &Deed, mut keeps: impl FnMut(usize) -> bool) {
    match deed {
        Deed::Truncate { to } => file.truncate(*to),
        Deed::Write { at, bytes } => {
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
