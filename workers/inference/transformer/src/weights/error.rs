use std::io;
use std::path::PathBuf;

use crate::shape::ConfigError;

/// Why a model isn't loaded; the file it is about is named.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("{}: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
    #[error("{}: {error}", path.display())]
    Config { path: PathBuf, error: ConfigError },
    #[error("{}: {error}", path.display())]
    Weights { path: PathBuf, error: WeightsError },
    #[error("{}: a folder with config.json and safetensors, or a GGUF file, is a model", .0.display())]
    NoModel(PathBuf),
    #[error("the threads don't start: {0}")]
    Threads(io::Error),
    #[error("the load was stopped")]
    Stopped,
}

/// Why weights can't be used.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    #[error("it is no safetensors file: {0}")]
    SafeTensors(#[from] safetensors::SafeTensorError),
    #[error("it is no GGUF file: {0}")]
    Gguf(#[from] cortex_gguf::GgufError),
    #[error("it is no index of safetensors files: {0}")]
    Index(serde_json::Error),
    #[error("it names the file `{0}`, which is no plain name")]
    FileName(String),
    #[error("it places {0} tensors in too many files")]
    TooManyFiles(usize),
    #[error("it has no tensor `{0}`")]
    Missing(String),
    #[error("it has the tensor `{0}` that another file has too")]
    Duplicate(String),
    #[error("tensor `{name}` is {found:?}, not the {expected:?} that the config says")]
    Shape { name: String, found: Vec<u64>, expected: Vec<u64> },
    #[error("tensor `{name}` is stored as {found}, which is not supported")]
    Format { name: String, found: String },
    #[error("tensor `{name}`: {error}")]
    Matrix { name: String, error: cortex_compute::ShapeError },
    #[error("tensor `{0}` has no place in a model of this config")]
    Unused(String),
}
