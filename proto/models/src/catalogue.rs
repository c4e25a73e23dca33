//! `models.yaml`.

use std::collections::BTreeMap;
use std::path::Path;

use cortex_config::ConfigError;
use cortex_domain::id::ModelName;
use serde::Deserialize;

use crate::{Digest, Family, FilePath, Model, ModelFile, ModelKind, Source, file};

const SHIPPED: &str = include_str!("../../../deploy/config/models.yaml");

/// The models that are known, by name.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "CatalogueFile")]
pub struct ModelCatalogue {
    models: BTreeMap<String, Model>,
}

/// A name that the catalogue lacks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no model {name:?}: models.yaml has {}", known.join(", "))]
pub struct UnknownModel {
    pub name: String,
    pub known: Vec<String>,
}

impl ModelCatalogue {
    /// Reads a catalogue.
    ///
    /// # Errors
    /// With file, key and line if it is not one.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        cortex_config::load(path)
    }

    /// Reads a catalogue from text; `path` is only named in errors.
    ///
    /// # Errors
    /// As [`ModelCatalogue::load`].
    pub fn parse(text: &str, path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        cortex_config::parse(text, path)
    }

    /// The catalogue that ships with CortexOS.
    #[must_use]
    pub fn shipped() -> Self {
        Self::parse(SHIPPED, "deploy/config/models.yaml").expect("a test reads the shipped catalogue")
    }

    /// Finds a model.
    ///
    /// # Errors
    /// If there is none of this name; the error lists those there are.
    pub fn get(&self, name: &str) -> Result<&Model, UnknownModel> {
        self.models
            .get(name)
            .ok_or_else(|| UnknownModel { name: name.into(), known: self.models.keys().cloned().collect() })
    }

    /// All models, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = &Model> {
        self.models.values()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CatalogueFile {
    models: BTreeMap<String, ModelEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelEntry {
    kind: EntryKind,
    family: Family,
    /// Of an embedding model.
    dimensions: Option<usize>,
    max_tokens: Option<usize>,
    /// Of a chat model.
    context: Option<usize>,
    files: BTreeMap<FilePath, FileEntry>,
    sources: Vec<Source>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum EntryKind {
    Embedding,
    Chat,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileEntry {
    size: u64,
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
    // The name is a folder's, too.
    if !file::is_below(name) {
        return Err("a model's name is made of letters, digits, - _ . and /".into());
    }
    if written.files.is_empty() {
        return Err("it has no files".into());
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

/// What its kind needs is there, and nothing that is another kind's.
fn kind(written: &ModelEntry) -> Result<ModelKind, String> {
    let ModelEntry { family, dimensions, max_tokens, context, .. } = written;
    let of_embedding = *family == Family::Bert;
    match (&written.kind, dimensions, max_tokens, context) {
        (EntryKind::Embedding, _, _, _) if !of_embedding => Err("an embedding model's family is bert".into()),
        (EntryKind::Embedding, Some(dimensions @ 1..), Some(max_tokens @ 1..), None) => {
            Ok(ModelKind::Embedding { family: *family, dimensions: *dimensions, max_tokens: *max_tokens })
        }
        (EntryKind::Embedding, ..) => {
            Err("an embedding model has dimensions and max_tokens, at least 1, and no context".into())
        }
        (EntryKind::Chat, _, _, _) if of_embedding => {
            Err("a chat model's family is llama, mistral, qwen2 or qwen3".into())
        }
        (EntryKind::Chat, None, None, Some(context @ 2..)) => {
            Ok(ModelKind::Chat { family: *family, context: *context })
        }
        (EntryKind::Chat, ..) => {
            Err("a chat model has a context of at least 2 tokens, and no dimensions or max_tokens".into())
        }
    }
}

#[cfg(test)]
mod tests;
