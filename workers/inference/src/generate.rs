//! Text generation with requests and answers in OpenAI's shape.
//!
//! [`Model`] takes a parsed request. The model's chat template turns a conversation into a prompt,
//! and a [`language::Engine`](crate::language::Engine) continues it. [`Answer`] splits the text
//! into content, reasoning and tool calls, in chunks or in one document. The worker's jobs and its
//! model host both use this module.

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
