//! A model of the catalogue.

use std::path::{Path, PathBuf};

use cortex_domain::id::ModelName;
use serde::Deserialize;

use crate::verify::{self, VerifyError};
use crate::{ModelFile, Source};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    pub name: ModelName,
    pub kind: Kind,
    pub files: Vec<ModelFile>,
    /// Tried in this order.
    pub sources: Vec<Source>,
}

/// What a model does, with what must be known to use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Embedding {
        family: Family,
        /// Of a vector.
        dimensions: usize,
        /// A longer text is cut.
        max_tokens: usize,
    },
    Chat {
        family: Family,
        /// Tokens of prompt and answer together.
        context: usize,
    },
}

impl Kind {
    /// As `models.yaml` writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Embedding { .. } => "embedding",
            Self::Chat { .. } => "chat",
        }
    }
}

/// The architecture, which decides the forward pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    Bert,
    Llama,
    Mistral,
    Qwen2,
    Qwen3,
}

impl Model {
    /// Where the model lies: `HOME/models/NAME`.
    #[must_use]
    pub fn dir(&self, home: &Path) -> PathBuf {
        home.join("models").join(self.name.as_str())
    }

    /// The bytes of all files.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// Whether every file is there with its size. Cheap: hashes are left to [`Model::verify`].
    #[must_use]
    pub fn installed(&self, home: &Path) -> bool {
        let dir = self.dir(home);
        self.files.iter().all(|file| {
            file.path.within(&dir).metadata().is_ok_and(|found| found.is_file() && found.len() == file.size)
        })
    }

    /// Checks every file's size and hash.
    ///
    /// # Errors
    /// Names the first file that is missing or differs.
    pub fn verify(&self, dir: &Path) -> Result<(), VerifyError> {
        self.files.iter().try_for_each(|file| verify::file(file, &file.path.within(dir)))
    }
}
