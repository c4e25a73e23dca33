//! Parses YAML text into a struct, or returns the location of the error.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_saphyr::{DuplicateKeyPolicy, Error, Options};

use crate::{ConfigError, Fault, FileLocation};

/// The largest file, in bytes.
pub const MAX_BYTES: usize = 1024 * 1024;

/// Reads and parses a file.
///
/// # Errors
/// Returns an error if [`text`] or [`parse`] fails.
pub fn load<T: DeserializeOwned>(path: impl AsRef<Path>) -> Result<T, ConfigError> {
    parse(&text(&path)?, path)
}

/// Reads a file as text.
///
/// # Errors
/// Returns an error if the file can't be read, is larger than [`MAX_BYTES`], or is not UTF-8.
pub fn text(path: impl AsRef<Path>) -> Result<String, ConfigError> {
    let path = path.as_ref();
    let unreadable = |cause| ConfigError::Unreadable { file: path.into(), cause };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() > MAX_BYTES {
        return Err(ConfigError::TooLarge { file: path.into(), limit: MAX_BYTES });
    }
    String::from_utf8(bytes).map_err(|_| ConfigError::NotText { file: path.into() })
}

/// Parses text. `path` appears only in errors.
///
/// # Errors
/// Returns an error if the text is larger than [`MAX_BYTES`], is not YAML, repeats a key, exceeds
/// the limits on aliases, or is not a `T`.
pub fn parse<T: DeserializeOwned>(text: &str, path: impl AsRef<Path>) -> Result<T, ConfigError> {
    let file = path.as_ref();
    if text.len() > MAX_BYTES {
        return Err(ConfigError::TooLarge { file: file.into(), limit: MAX_BYTES });
    }
    let mut key = String::new();
    serde_saphyr::with_deserializer_from_str_with_options(text, strict(), |yaml| {
        serde_path_to_error::deserialize(yaml).map_err(|error| {
            key = error.path().to_string();
            error.into_inner()
        })
    })
    .map_err(|error| ConfigError::Wrong {
        file: file.into(),
        place: place(&error),
        fault: fault(error, key),
    })
}

/// A snippet would show the lines around the error, which may contain a secret.
fn strict() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: 64,
            max_documents: 1,
            max_nodes: 100_000,
            max_aliases: 256,
            max_anchors: 256,
            max_merge_keys: 256,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 10_000,
            max_replay_stack_depth: 8,
            max_alias_expansions_per_anchor: 64,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        strict_booleans: true,
        with_snippet: false,
    }
}

fn place(error: &Error) -> FileLocation {
    error.location().map_or(FileLocation { line: 1, column: 1 }, |at| FileLocation {
        line: at.line(),
        column: at.column(),
    })
}

fn fault(error: Error, path: String) -> Fault {
    match error {
        Error::SerdeUnknownField { field, expected, .. } => Fault::UnknownKey { key: field, expected },
        Error::SerdeMissingField { field, .. } => Fault::MissingKey { key: below(&path, field) },
        Error::DuplicateMappingKey { key: Some(key), .. } => Fault::RepeatedKey { key },
        Error::SerdeInvalidType { expected, .. } => {
            Fault::BadValue { key: path, reason: format!("expected {expected}") }
        }
        Error::InvalidScalar { ty, .. } => Fault::BadValue { key: path, reason: format!("expected {ty}") },
        Error::AliasError { error, .. } => fault(*error, path),
        Error::Message { msg, .. } if path != "." => Fault::BadValue { key: path, reason: msg },
        other => Fault::NotYaml { reason: other.to_string() },
    }
}

fn below(path: &str, key: &str) -> String {
    if path == "." { key.into() } else { format!("{path}.{key}") }
}

#[cfg(test)]
mod tests;
