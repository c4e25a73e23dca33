//! Embeddings: texts to vectors.
//!
//! [`Embedder`] is the handle that many callers share. It makes tokens of their texts on the tenant's lane. Behind it one
//! thread owns the model: it takes what has queued up while the last round ran, shares a round out fairly between the
//! tenants, and answers each call as its last text is done.
//! A caller that is gone is dropped before the next round.

mod accelerator;
mod backend;
mod batch;
mod embedder;
mod files;
mod parallel;
mod pooling;
mod queue;
mod rounds;
mod text;

pub use embedder::{Embedder, Embeddings, LongText, ModelInfo};
pub use files::LoadError;
pub use queue::EmbedError;
