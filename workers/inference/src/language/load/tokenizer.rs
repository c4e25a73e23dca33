//! Reads the tokenizer of a model.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

use cortex_gguf::Gguf;
use cortex_tokens::Tokenizer;
use memmap2::Mmap;
use serde_json::Value;

use super::LoadError;
use crate::generate::Defaults;

/// Reads a folder's `tokenizer.json`, or the vocabulary of a GGUF file. In a folder,
/// `tokenizer_config.json`, `chat_template.jinja` and the end tokens in `generation_config.json`
/// are used if they exist.
pub(super) fn open(path: &Path) -> Result<Tokenizer, LoadError> {
    if !path.is_dir() {
        return gguf(path);
    }
    let file = path.join("tokenizer.json");
    let json = fs::read(&file).map_err(|error| LoadError::Io { path: file, error })?;
    let config = config(path)?;
    let defaults = Defaults::open(path).map_err(|error| bad(path, error))?;
    Tokenizer::from_hugging_face(&json, config.as_deref(), defaults.ends()).map_err(|error| bad(path, error))
}

fn gguf(path: &Path) -> Result<Tokenizer, LoadError> {
    let map = || -> io::Result<Mmap> {
        let file = File::open(path)?;
        // SAFETY: model files are replaced by renaming, never written in place, so the bytes stay
        // as they are.
        unsafe { Mmap::map(&file) }
    };
    let bytes = map().map_err(|error| LoadError::Io { path: path.into(), error })?;
    let gguf = Gguf::parse(&bytes).map_err(|error| bad(path, error))?;
    Tokenizer::from_gguf(&gguf).map_err(|error| bad(path, error))
}

/// Reads the tokenizer's configuration. A template in its own file takes precedence.
fn config(folder: &Path) -> Result<Option<Vec<u8>>, LoadError> {
    let file = folder.join("tokenizer_config.json");
    let config = if_there(&file)?;
    let Some(template) = if_there(&folder.join("chat_template.jinja"))? else { return Ok(config) };
    let template =
        String::from_utf8(template).map_err(|error| bad(&folder.join("chat_template.jinja"), error))?;
    let mut config: serde_json::Map<String, Value> =
        serde_json::from_slice(config.as_deref().unwrap_or(b"{}")).map_err(|error| bad(&file, error))?;
    config.insert("chat_template".into(), template.into());
    serde_json::to_vec(&config).map(Some).map_err(|error| bad(&file, error))
}

fn if_there(file: &Path) -> Result<Option<Vec<u8>>, LoadError> {
    match fs::read(file) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(LoadError::Io { path: file.into(), error }),
    }
}

fn bad(path: &Path, reason: impl ToString) -> LoadError {
    LoadError::Tokenizer { path: path.into(), reason: reason.to_string() }
}
