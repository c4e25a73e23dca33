//! `models.yaml`.

use std::collections::BTreeMap;
use std::path::Path;

use cortex_config::ConfigError;
use cortex_domain::id::ModelName;
use serde::Deserialize;

use crate::{Digest, Family, FilePath, Model, ModelFile, ModelKind, Source, file};

const SHIPPED: &str = include_str!("../../../deploy/config/models.yaml");

/// The known models, by name.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "CatalogueFile")]
pub struct ModelCatalogue {
    models: BTreeMap<String, Model>,
}

/// A name that is not in the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown model {name:?}: models.yaml has {}", known.join(", "))]
pub struct UnknownModel {
    pub name: String,
    pub known: Vec<String>,
}

impl ModelCatalogue {
    /// Reads a catalogue.
    ///
    /// # Errors
    /// Returns an error with file, key and line if the catalogue is invalid.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        cortex_config::load(path)
    }

    /// Parses a catalogue. `path` appears only in errors.
    ///
    /// # Errors
    /// Returns the same errors as [`ModelCatalogue::load`].
    pub fn parse(text: &str, path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        cortex_config::parse(text, path)
    }

    /// Returns the catalogue that ships with CortexOS.
    #[must_use]
    pub fn shipped() -> Self {
        Self::parse(SHIPPED, "deploy/config/models.yaml").expect("a test reads the shipped catalogue")
    }

    /// Finds a model.
    ///
    /// # Errors
    /// Returns an error that lists the known models if the name is unknown.
    pub fn get(&self, name: &str) -> Result<&Model, UnknownModel> {
        self.models
            .get(name)
            .ok_or_else(|| UnknownModel { name: name.into(), known: self.models.keys().cloned().collect() })
    }

    /// Returns the JSON schema of the file.
    #[cfg(feature = "schema")]
    #[must_use]
    pub fn schema() -> schemars::Schema {
        schemars::schema_for!(CatalogueFile)
    }

    /// Returns all models, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = &Model> {
        self.models.values()
    }
}

/// `models.yaml`: the known models, their files and the sources of the files.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct CatalogueFile {
    /// The models by name. API requests use these names.
    models: BTreeMap<String, ModelEntry>,
}

/// One model.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct ModelEntry {
    /// What the model does.
    kind: EntryKind,
    /// The architecture. An embedding model is `bert`, and a chat model is one of the others.
    family: Family,
    /// The number of dimensions of a vector. Required for an embedding model, not allowed for a
    /// chat model.
    dimensions: Option<usize>,
    /// The maximum length of a text in tokens. Required for an embedding model, not allowed for a
    /// chat model.
    max_tokens: Option<usize>,
    /// The maximum length of a prompt and its answer together in tokens, at least 2. Required for a
    /// chat model, not allowed for an embedding model.
    context: Option<usize>,
    /// The files by their paths inside the model's folder.
    #[cfg_attr(feature = "schema", schemars(with = "BTreeMap<String, FileEntry>"))]
    files: BTreeMap<FilePath, FileEntry>,
    /// Where to fetch the files. The sources are tried in this order.
    sources: Vec<Source>,
}

/// What a model does.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
enum EntryKind {
    Embedding,
    Chat,
}

/// One file of a model.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct FileEntry {
    /// Its size in bytes.
    size: u64,
    /// The SHA-256 of its content: 64 hexadecimal digits.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    sha256: Digest,
}

impl TryFrom<CatalogueFile> for ModelCatalogue {
    type Error = String;

    fn try_from(written: CatalogueFile) -> Result<Self, String> {
        let models = written.models.into_iter().map(|(name, model)| {
            let model = checked(&name, model).map_err(|fault| format!("model `{name}`: {fault}"))?;
            Ok((name, model))
        });
        Ok(Self { models: models.collect::<Result<_, String>>()? })
    }
}

fn checked(name: &str, written: ModelEntry) -> Result<Model, String> {
    // The name is also the name of a folder.
    if !file::is_below(name) {
        return Err("invalid name: must be letters, digits, - _ . and /".into());
    }
    if written.files.is_empty() {
        return Err("missing `files`: must have at least one".into());
    }
    if let Some(fault) = written.sources.iter().find_map(Source::fault) {
        return Err(fault);
    }
    Ok(Model {
        name: name.parse::<ModelName>().map_err(|error| error.to_string())?,
        kind: kind(&written)?,
        files: written
            .files
            .into_iter()
            .map(|(path, file)| ModelFile { path, size: file.size, sha256: file.sha256 })
            .collect(),
        sources: written.sources,
    })
}

/// Checks that the fields of the model's kind are present, and those of other kinds are not.
fn kind(written: &ModelEntry) -> Result<ModelKind, String> {
    let ModelEntry { family, dimensions, max_tokens, context, .. } = written;
    let of_embedding = *family == Family::Bert;
    match (&written.kind, dimensions, max_tokens, context) {
        (EntryKind::Embedding, _, _, _) if !of_embedding => Err("invalid `family`: must be bert for \
            an embedding model"
            .into()),
        (EntryKind::Embedding, Some(dimensions @ 1..), Some(max_tokens @ 1..), None) => {
            Ok(ModelKind::Embedding { family: *family, dimensions: *dimensions, max_tokens: *max_tokens })
        }
        (EntryKind::Embedding, ..) => {
            Err("an embedding model requires `dimensions` and `max_tokens`, at least 1, and must not \
                have `context`"
                .into())
        }
        (EntryKind::Chat, _, _, _) if of_embedding => {
            Err("invalid `family`: must be llama, mistral, qwen2 or qwen3 for a chat model".into())
        }
        (EntryKind::Chat, None, None, Some(context @ 2..)) => {
            Ok(ModelKind::Chat { family: *family, context: *context })
        }
        (EntryKind::Chat, ..) => {
            Err("a chat model requires `context`, at least 2, and must not have `dimensions` or \
                `max_tokens`"
                .into())
        }
    }
}

#[cfg(test)]
mod tests;
