//! `POST /v1/completions`, in OpenAI's format: continues a text without a template.

mod answer;
pub(crate) mod request;
#[cfg(feature = "schema")]
mod schema;

pub use answer::{Completion, CompletionChoice, CompletionLogProbs};
pub use request::{CompletionRequest, MAX_PROMPTS, Prompt};
