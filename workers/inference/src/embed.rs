//! Embeddings: texts to vectors.
//!
//! [`Embedder`] is the handle that many callers share. Behind it one thread owns the model: it takes what has queued up
//! while the last round ran, shares a round out fairly between the callers, and answers each as its last text is done.
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

pub use embedder::{About, Embedder, Embeddings};
pub use files::LoadError;
pub use queue::EmbedError;
