//! Texts from language models, asked for and answered in OpenAI's shape.
//!
//! [`Model`] takes what `cortex_guard` has read: the model's template makes a prompt of a conversation, a
//! [`language::Engine`](crate::language::Engine) continues it, and [`Answer`] takes what it writes apart into content,
//! reasoning and tool calls, in chunks or in one document. The worker's jobs and its own HTTP door both serve this.

mod answer;
mod call_id;
mod caller;
mod chat;
mod chat_format;
mod complete;
mod defaults;
mod error;
mod escape;
mod logprobs;
mod model;
mod registry;
mod rule;
mod shared;
mod writer;

pub use answer::Answer;
pub use caller::Caller;
pub use chat_format::{ChatFormat, ChatFormatError};
pub use defaults::Defaults;
pub use model::Model;
pub use registry::{Library, ModelEntry, ModelHandle, ModelRegistry};

#[cfg(test)]
mod tests;
