//! `POST /v1/completions`, in OpenAI's shape: a text is gone on with, with no template about it.

mod answer;
pub(crate) mod request;
#[cfg(feature = "schema")]
mod schema;

pub use answer::{Completion, CompletionChoice, CompletionLogProbs};
pub use request::{CompletionRequest, MAX_PROMPTS, Prompt};
