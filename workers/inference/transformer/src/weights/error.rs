use std::io;
use std::path::PathBuf;

use crate::shape::ConfigError;

/// Why a model isn't loaded. The error names the file.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("{}: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
    #[error("{}: {error}", path.display())]
    Config { path: PathBuf, error: ConfigError },
    #[error("{}: {error}", path.display())]
    Weights { path: PathBuf, error: WeightsError },
    #[error("{}: not a model (expected a folder with config.json and safetensors, or a GGUF file)", .0.display())]
    NoModel(PathBuf),
    #[error("can't start the threads: {0}")]
    Threads(io::Error),
    #[error("the load was cancelled")]
    Stopped,
}

/// Why weights can't be used.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    #[error("not a safetensors file: {0}")]
    SafeTensors(#[from] safetensors::SafeTensorError),
    #[error("not a GGUF file: {0}")]
    Gguf(#[from] cortex_gguf::GgufError),
    #[error("not an index of safetensors files: {0}")]
    Index(serde_json::Error),
    #[error("the index names `{0}`, which is not a plain file name")]
    FileName(String),
    #[error("the index spreads {0} tensors over too many files")]
    TooManyFiles(usize),
    #[error("missing tensor `{0}`")]
    Missing(String),
    #[error("tensor `{0}` is in several files")]
    Duplicate(String),
    #[error("tensor `{name}` has the shape {found:?}, but the configuration says {expected:?}")]
    Shape { name: String, found: Vec<u64>, expected: Vec<u64> },
    #[error("tensor `{name}` has the unsupported type {found}")]
    Format { name: String, found: String },
    #[error("tensor `{name}`: {error}")]
    Matrix { name: String, error: cortex_compute::ShapeError },
    #[error("unexpected tensor `{0}` for a model of this configuration")]
    Unused(String),
}
