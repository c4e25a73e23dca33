//! The log of a child: the current file and the previous one, each of limited size.

use std::fs::{File, OpenOptions};
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;

/// The size at which the current file becomes the previous one.
const MAX_LOG_BYTES: u64 = 8 << 20;

/// An open log.
#[derive(Debug)]
pub(crate) struct ChildLog {
    path: PathBuf,
    file: File,
    written: u64,
    max: u64,
}

impl ChildLog {
    /// Opens the log at `path` and empties it.
    ///
    /// # Errors
    /// Returns an error if the file can't be written.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Self::bounded(path, MAX_LOG_BYTES)
    }

    fn bounded(path: &Path, max: u64) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), file: create(path)?, written: 0, max })
    }

    /// Returns a pipe. A thread copies its bytes into the log until every writer is closed.
    ///
    /// # Errors
    /// Returns an error if the pipe or the thread can't be created.
    pub(crate) fn pipe(self) -> io::Result<PipeWriter> {
        let (reader, writer) = io::pipe()?;
        thread::Builder::new().name("child-log".into()).spawn(move || self.follow(reader))?;
        Ok(writer)
    }

    fn follow(mut self, mut reader: PipeReader) {
        let mut buffer = vec![0; 64 << 10];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return,
                // Reads on even if the disk is full: a full pipe would block the child.
                Ok(length) => drop(self.write(&buffer[..length])),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let length = bytes.len() as u64;
        if self.written > 0 && self.written + length > self.max {
            std::fs::rename(&self.path, previous(&self.path))?;
            (self.file, self.written) = (create(&self.path)?, 0);
        }
        self.written += length;
        self.file.write_all(bytes)
    }
}

/// Returns `edge.log.1` for `edge.log`.
fn previous(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".1");
    name.into()
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_takes_at_most_two_files_of_the_maximum_size() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("edge.log");
        let mut log = ChildLog::bounded(&path, 1000).unwrap();
        for n in 0..500 {
            log.write(format!("line {n:04}\n").as_bytes()).unwrap();
        }
        let kept = [previous(&path), path].map(|path| std::fs::read_to_string(path).unwrap());
        assert!(kept.iter().all(|text| text.len() <= 1000), "{kept:?}");
        let lines: Vec<_> = kept.iter().flat_map(|text| text.lines()).collect();
        assert_eq!((lines[lines.len() - 100], lines[lines.len() - 1]), ("line 0400", "line 0499"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn bytes_from_the_pipe_are_in_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("edge.log");
        let (reader, mut writer) = io::pipe().unwrap();
        let log = ChildLog::bounded(&path, 64).unwrap();
        let follower = thread::spawn(move || log.follow(reader));
        writer.write_all(b"started\n").unwrap();
        drop(writer);
        follower.join().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "started\n");
    }
}
