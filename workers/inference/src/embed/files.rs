//! The files of a sentence-transformers folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::pooling::{Pooling, PoolingMode};
use crate::DeviceError;

/// Why a model can't be loaded. The error names the file.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("{} can't be read: {cause}", file.display())]
    Unreadable { file: PathBuf, cause: io::Error },
    #[error("{}: {reason}", file.display())]
    Malformed { file: PathBuf, reason: String },
    #[error(transparent)]
    Device(#[from] DeviceError),
    #[error("can't start a thread: {0}")]
    Thread(io::Error),
}

impl LoadError {
    pub(super) fn malformed(file: &Path, reason: impl ToString) -> Self {
        Self::Malformed { file: file.into(), reason: reason.to_string() }
    }
}

/// Reads a JSON file such as `config.json`.
pub(super) fn json<T: DeserializeOwned>(file: &Path) -> Result<T, LoadError> {
    let bytes = fs::read(file).map_err(|cause| LoadError::Unreadable { file: file.into(), cause })?;
    serde_json::from_slice(&bytes).map_err(|error| LoadError::malformed(file, error))
}

fn json_if_there<T: DeserializeOwned>(file: &Path) -> Result<Option<T>, LoadError> {
    match json(file) {
        Err(LoadError::Unreadable { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}

/// Returns the longest text in tokens, if the folder specifies it.
pub(super) fn max_seq_length(dir: &Path) -> Result<Option<usize>, LoadError> {
    #[derive(Deserialize)]
    struct Written {
        max_seq_length: Option<usize>,
    }
    let written: Option<Written> = json_if_there(&dir.join("sentence_bert_config.json"))?;
    Ok(written.and_then(|written| written.max_seq_length))
}

/// Returns how token vectors are pooled. `modules.json` specifies it. Without the file, it is the
/// normalised mean.
pub(super) fn pooling(dir: &Path) -> Result<Pooling, LoadError> {
    #[derive(Deserialize)]
    struct Module {
        path: String,
        r#type: String,
    }
    let file = dir.join("modules.json");
    let Some(modules) = json_if_there::<Vec<Module>>(&file)? else {
        return Ok(Pooling { pool: PoolingMode::Mean, normalise: true });
    };
    let mut pooling = Pooling { pool: PoolingMode::Mean, normalise: false };
    for module in modules {
        match module.r#type.rsplit('.').next() {
            Some("Transformer") => (),
            Some("Pooling") => pooling.pool = pool(&dir.join(&module.path).join("config.json"))?,
            Some("Normalize") => pooling.normalise = true,
            _ => {
                let reason = format!("module {:?} is not supported", module.r#type);
                return Err(LoadError::malformed(&file, reason));
            }
        }
    }
    Ok(pooling)
}

fn pool(file: &Path) -> Result<PoolingMode, LoadError> {
    #[derive(Deserialize)]
    struct Written {
        #[serde(default)]
        pooling_mode_cls_token: bool,
        #[serde(default)]
        pooling_mode_mean_tokens: bool,
        #[serde(default)]
        pooling_mode_max_tokens: bool,
        #[serde(default)]
        pooling_mode_mean_sqrt_len_tokens: bool,
    }
    let written: Written = json(file)?;
    let other = written.pooling_mode_max_tokens || written.pooling_mode_mean_sqrt_len_tokens;
    match (written.pooling_mode_cls_token, written.pooling_mode_mean_tokens, other) {
        (false, true, false) => Ok(PoolingMode::Mean),
        (true, false, false) => Ok(PoolingMode::First),
        _ => Err(LoadError::malformed(file, "only pooling by mean or by the first token is supported")),
    }
}
