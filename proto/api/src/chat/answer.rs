//! The whole answer.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::LogProbs;
use crate::generation::{FinishReason, TokenUsage};

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChatCompletion {
    pub id: String,
    /// Always `chat.completion`.
    #[cfg_attr(feature = "schema", schemars(extend("const" = "chat.completion")))]
    pub object: String,
    /// Seconds since 1970.
    pub created: u64,
    pub model: String,
    pub choices: Vec<Choice>,
    pub usage: TokenUsage,
    /// The receipt: how the answer was produced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<serde_json::Map<String, Value>>"))]
    pub cortex: Option<Value>,
}

impl ChatCompletion {
    #[must_use]
    pub fn new(id: String, created: u64, model: String, choices: Vec<Choice>, usage: TokenUsage) -> Self {
        Self { id, object: "chat.completion".to_owned(), created, model, choices, usage, cortex: None }
    }
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ChatChoice"))]
pub struct Choice {
    pub index: u32,
    pub message: MessageView,
    pub logprobs: Option<LogProbs>,
    pub finish_reason: FinishReason,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MessageView {
    /// Always `assistant`.
    #[cfg_attr(feature = "schema", schemars(extend("const" = "assistant")))]
    pub role: String,
    pub content: Option<String>,
    /// Always null, because models here do not refuse.
    pub refusal: Option<String>,
    /// The reasoning before the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCallView>,
}

impl MessageView {
    #[must_use]
    pub fn new(content: Option<String>, reasoning: Option<String>, tool_calls: Vec<ToolCallView>) -> Self {
        Self {
            role: "assistant".to_owned(),
            content,
            refusal: None,
            reasoning_content: reasoning,
            tool_calls,
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ToolCallView {
    pub id: String,
    /// Always `function`.
    #[cfg_attr(feature = "schema", schemars(extend("const" = "function")))]
    pub r#type: String,
    pub function: FunctionView,
}

impl ToolCallView {
    #[must_use]
    pub fn new(id: String, name: String, arguments: String) -> Self {
        Self { id, r#type: "function".to_owned(), function: FunctionView { name, arguments } }
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FunctionView {
    pub name: String,
    /// JSON, as a string.
    pub arguments: String,
}
