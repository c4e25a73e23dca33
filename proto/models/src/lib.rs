//! The model catalogue: the files of each model, their sources and their hashes.
//!
//! `models.yaml` names every file of a model with its size and SHA-256, and its possible sources.
//! The hash decides whether a file is valid, so a source is only a place to look: a folder, the
//! hub, or a wheel from the user's package index.

mod catalogue;
mod digest;
mod file;
mod model;
#[cfg(feature = "pull")]
mod pull;
mod source;
mod verify;

pub use catalogue::{ModelCatalogue, UnknownModel};
pub use digest::Digest;
pub use file::{FilePath, ModelFile};
pub use model::{Family, Model, ModelKind};
#[cfg(feature = "pull")]
pub use pull::{Progress, PullError, Puller, SourceError, pull};
pub use source::Source;
pub use verify::VerifyError;
