//! Embeddings: from texts to vectors.
//!
//! [`Embedder`] is the handle that many callers share. It tokenises their texts in the tenant's
//! turn. One thread owns the model behind it. Each round takes what was queued during the round
//! before, divides the work fairly between the tenants, and answers each call once its last text is
//! done. Calls of callers that have disconnected are dropped before the next round.

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
