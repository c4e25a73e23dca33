//! From what the engine tells to what callers read.

use bytes::Bytes;
use cortex_api::Problem;
use serde::Serialize;

use crate::language::{AnswerEnd, Event};

/// Writes one answer, all choices of it.
pub(super) trait Writer: Send {
    /// Takes the next event of a prompt, and gives the chunks it makes.
    fn write(&mut self, prompt: usize, event: Event) -> Result<Vec<Bytes>, Problem>;

    /// The whole answer as one document.
    fn document(&mut self) -> Bytes;
}

/// What all documents of an answer begin with, and what they are to tell.
#[derive(Debug)]
pub(super) struct AnswerHead {
    pub(super) id: String,
    pub(super) created: u64,
    pub(super) model: String,
    pub(super) options: ChunkOptions,
    /// Whether probabilities are told.
    pub(super) logprobs: bool,
}

/// What chunks are wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChunkOptions {
    pub(super) chunks: bool,
    /// And one more at the end that says what the answer took.
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

/// What an answer was made with, a receipt for each of its choices.
pub(super) fn receipts<'a>(ends: impl Iterator<Item = &'a AnswerEnd>) -> serde_json::Value {
    let receipts: Vec<_> = ends.map(|end| &end.receipt).collect();
    serde_json::json!({ "receipts": receipts })
}

pub(super) fn json(document: &impl Serialize) -> Bytes {
    serde_json::to_vec(document).expect("texts and numbers can be written as JSON").into()
}
