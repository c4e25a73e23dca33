//! Conversations to prompts by a model's own template, and answers back to messages.
//!
//! [`Template`] renders a [`Conversation`] exactly as Hugging Face's `apply_chat_template` does, within bounds that a
//! hostile template can't leave. [`Syntax`] says how a model writes its reasoning and its tool calls, told from the
//! template's source; [`Parser`] takes the model's answer apart again while it is still being written.

mod conversation;
mod json;
mod parser;
mod syntax;
mod template;

pub use conversation::{Content, Conversation, Function, Message, Role, TextPart, ToolCall, ToolCallKind};
pub use json::{Json, JsonError};
pub use parser::{End, Parser, Part};
pub use syntax::{Calls, Marker, Reasoning, Syntax, ToolCallIds};
pub use template::{CompileError, Exhausted, Now, Options, RenderError, SpecialTokens, Template};
