//! Writes the engine's events in the shape that callers read.

use bytes::Bytes;
use cortex_api::Problem;
use cortex_api::generation::TokenUsage;
use serde::Serialize;

use crate::language::{AnswerEnd, Event};

/// Writes one answer with all its choices.
pub(super) trait Writer: Send {
    /// Takes the next event of a prompt, and returns the chunks that it makes.
    fn write(&mut self, prompt: usize, event: Event) -> Result<Vec<Bytes>, Problem>;

    /// Returns the tokens of the choices that have ended.
    fn usage(&self) -> TokenUsage;

    /// Returns the whole answer as one document.
    fn document(&mut self) -> Bytes;
}

/// The common fields of an answer's documents, and what they include.
#[derive(Debug)]
pub(super) struct AnswerHead {
    pub(super) id: String,
    pub(super) created: u64,
    pub(super) model: String,
    pub(super) options: ChunkOptions,
    /// Whether the answer includes log-probabilities.
    pub(super) logprobs: bool,
}

/// Which chunks the answer has.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChunkOptions {
    pub(super) chunks: bool,
    /// Whether a last chunk reports the usage.
    pub(super) usage: bool,
}

impl From<cortex_api::generation::Streaming> for ChunkOptions {
    fn from(streaming: cortex_api::generation::Streaming) -> Self {
        use cortex_api::generation::Streaming;
        match streaming {
            Streaming::Whole => Self { chunks: false, usage: false },
            Streaming::Chunks { usage } => Self { chunks: true, usage },
        }
    }
}

/// Returns the receipts of an answer's choices.
pub(super) fn receipts<'a>(ends: impl Iterator<Item = &'a AnswerEnd>) -> serde_json::Value {
    let receipts: Vec<_> = ends.map(|end| &end.receipt).collect();
    serde_json::json!({ "receipts": receipts })
}

pub(super) fn json(document: &impl Serialize) -> Bytes {
    serde_json::to_vec(document).expect("texts and numbers can be written as JSON").into()
}
