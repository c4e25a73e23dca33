//! A model of the catalogue.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use cortex_domain::id::ModelName;
use serde::Deserialize;

use crate::verify::{self, VerifyError};
use crate::{Digest, ModelFile, Source};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    pub name: ModelName,
    pub kind: ModelKind,
    pub files: Vec<ModelFile>,
    /// Tried in this order.
    pub sources: Vec<Source>,
}

/// What a model does, with what must be known to use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelKind {
    Embedding {
        family: Family,
        /// Of a vector.
        dimensions: usize,
        /// Of a text; a longer one is refused, or cut where that is asked for.
        max_tokens: usize,
    },
    Chat {
        family: Family,
        /// Tokens of prompt and answer together.
        context: usize,
    },
}

impl ModelKind {
    /// Tokens of prompt and answer together, of a chat model.
    #[must_use]
    pub fn context(self) -> Option<usize> {
        match self {
            Self::Embedding { .. } => None,
            Self::Chat { context, .. } => Some(context),
        }
    }

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
        self.is_in(&self.dir(home))
    }

    /// As [`Model::installed`], for the model's own folder.
    #[must_use]
    pub fn is_in(&self, dir: &Path) -> bool {
        self.files.iter().all(|file| {
            file.path.within(dir).metadata().is_ok_and(|found| found.is_file() && found.len() == file.size)
        })
    }

    /// What an engine opens of a chat model in its folder: a GGUF file, or the folder of the other formats.
    #[must_use]
    pub fn weights(&self, dir: &Path) -> PathBuf {
        let gguf = self.files.iter().map(|file| file.path.within(dir));
        let mut gguf = gguf.filter(|path| path.extension().is_some_and(|extension| extension == "gguf"));
        gguf.next().unwrap_or_else(|| dir.to_owned())
    }

    /// Names the whole model: the hash of its only file, or of the list of its files' paths and hashes.
    #[must_use]
    pub fn sha256(&self) -> String {
        if let [file] = self.files.as_slice() {
            return file.sha256.to_string();
        }
        let list: String =
            self.files.iter().map(|file| format!("{}  {}\n", file.sha256, file.path)).collect();
        Digest::of_bytes(list.as_bytes()).to_string()
    }

    /// Checks every file's size and hash.
    ///
    /// # Errors
    /// Names the first file that is missing or differs.
    pub fn verify(&self, dir: &Path) -> Result<(), VerifyError> {
        self.verify_while(dir, &mut |_| ControlFlow::Continue(()))
    }

    /// The same; `wanted` hears how many of [`Self::size`] bytes have been read, and may stop it.
    ///
    /// # Errors
    /// As [`Self::verify`], or that it was stopped.
    pub fn verify_while(
        &self,
        dir: &Path,
        wanted: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<(), VerifyError> {
        let mut before = 0;
        self.files.iter().try_for_each(|file| {
            verify::file_while(file, &file.path.within(dir), &mut |read| wanted(before + read))?;
            before += file.size;
            Ok(())
        })
    }
}
