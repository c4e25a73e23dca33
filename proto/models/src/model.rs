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
    /// The sources, in the order in which they are tried.
    pub sources: Vec<Source>,
}

/// The kind of model, with the data needed to use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelKind {
    Embedding {
        family: Family,
        /// The length of a vector.
        dimensions: usize,
        /// The longest text. A longer one is an error, or is truncated if the request allows it.
        max_tokens: usize,
    },
    Chat {
        family: Family,
        /// Maximum number of tokens of prompt and answer together.
        context: usize,
    },
}

impl ModelKind {
    /// Returns the maximum number of tokens of prompt and answer together, for a chat model.
    #[must_use]
    pub fn context(self) -> Option<usize> {
        match self {
            Self::Embedding { .. } => None,
            Self::Chat { context, .. } => Some(context),
        }
    }

    /// Returns the name in `models.yaml`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Embedding { .. } => "embedding",
            Self::Chat { .. } => "chat",
        }
    }
}

/// The architecture, which determines the forward pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Family {
    Bert,
    Llama,
    Mistral,
    Qwen2,
    Qwen3,
}

impl Model {
    /// Returns the model's folder: `HOME/models/NAME`.
    #[must_use]
    pub fn dir(&self, home: &Path) -> PathBuf {
        home.join("models").join(self.name.as_str())
    }

    /// Returns the size of all files in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// Returns whether every file exists with its expected size. It is cheap, because
    /// [`Model::verify`] checks the hashes.
    #[must_use]
    pub fn installed(&self, home: &Path) -> bool {
        self.is_in(&self.dir(home))
    }

    /// Returns the same as [`Model::installed`] for the model's own folder.
    #[must_use]
    pub fn is_in(&self, dir: &Path) -> bool {
        self.files.iter().all(|file| {
            file.path.within(dir).metadata().is_ok_and(|found| found.is_file() && found.len() == file.size)
        })
    }

    /// Returns the path that an engine opens for a chat model: a GGUF file, or the folder of the
    /// other formats.
    #[must_use]
    pub fn weights(&self, dir: &Path) -> PathBuf {
        let gguf = self.files.iter().map(|file| file.path.within(dir));
        let mut gguf = gguf.filter(|path| path.extension().is_some_and(|extension| extension == "gguf"));
        gguf.next().unwrap_or_else(|| dir.to_owned())
    }

    /// Returns the hash that identifies the model: that of its only file, or of the list of its
    /// files' paths and hashes.
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
    /// Returns an error that names the first missing or different file.
    pub fn verify(&self, dir: &Path) -> Result<(), VerifyError> {
        self.verify_while(dir, &mut |_| ControlFlow::Continue(()))
    }

    /// Checks the files like [`Self::verify`]. `wanted` gets the number of read bytes out of
    /// [`Self::size`], and may stop the check.
    ///
    /// # Errors
    /// Returns the same errors as [`Self::verify`], or that the check was stopped.
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
