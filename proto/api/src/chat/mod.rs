//! `POST /v1/chat/completions`, in OpenAI's format.
//!
//! The parser is strict. It names each unknown, invalid or contradictory parameter in an error, and
//! never ignores one silently. Beyond OpenAI's parameters there are `top_k`, `min_p`, `typical_p`,
//! `repetition_penalty`, `chat_template_kwargs`, `add_generation_prompt`, `continue_final_message`,
//! and the formats `regex` and `lark`. An answer has `reasoning_content`, and the receipt under
//! `cortex`.

mod answer;
pub(crate) mod call;
mod chunk;
mod logprobs;
pub(crate) mod message;
pub(crate) mod request;
#[cfg(feature = "schema")]
mod schema;
mod simple;
mod tools;

#[cfg(test)]
mod tests;

pub use answer::{ChatCompletion, Choice, FunctionView, MessageView, ToolCallView};
pub use call::ToolCall;
pub use chunk::{ChatChunk, ChunkChoice, Delta, FunctionDelta, ToolCallDelta};
pub use logprobs::{LogProbs, TokenLogProb, TopLogProb};
pub use message::{MAX_MESSAGES, Message};
pub use request::ChatRequest;
pub use simple::{SimpleChat, SimpleChatAnswer};
pub use tools::{MAX_TOOLS, Tool, ToolChoice};
