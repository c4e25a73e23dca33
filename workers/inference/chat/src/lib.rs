//! Renders conversations to prompts with a model's own template, and parses answers back to
//! messages.
//!
//! [`Template`] renders a [`Conversation`] exactly as Hugging Face's `apply_chat_template` does,
//! within limits that a hostile template can't exceed. [`Syntax`] describes how a model writes its
//! reasoning and its tool calls, as detected from the template's source; [`Parser`] splits the
//! model's answer into parts while it streams.

mod conversation;
mod json;
mod parser;
mod syntax;
mod template;

pub use conversation::{Content, Conversation, Function, Message, Role, TextPart, ToolCall, ToolCallKind};
pub use json::{Json, JsonError};
pub use parser::{End, Parser, Part};
pub use syntax::{Calls, Marker, Reasoning, Syntax, ToolCallIds};
pub use template::{CompileError, LimitExceeded, Now, Options, RenderError, SpecialTokens, Template};
