//! The streamed answer.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::LogProbs;
use crate::generation::{FinishReason, TokenUsage};

/// One chunk of an answer: the data of one event of a stream.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChatChunk {
    /// The same in all chunks of an answer.
    pub id: String,
    /// Always `chat.completion.chunk`.
    #[cfg_attr(feature = "schema", schemars(extend("const" = "chat.completion.chunk")))]
    pub object: String,
    /// Seconds since 1970.
    pub created: u64,
    pub model: String,
    /// Empty in the chunk with the usage.
    pub choices: Vec<ChunkChoice>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<TokenUsage>,
    /// The receipt, in the last chunk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<serde_json::Map<String, Value>>"))]
    pub cortex: Option<Value>,
}

impl ChatChunk {
    #[must_use]
    pub fn new(id: String, created: u64, model: String, choices: Vec<ChunkChoice>) -> Self {
        let object = "chat.completion.chunk".to_owned();
        Self { id, object, created, model, choices, usage: None, cortex: None }
    }
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ChatChunkChoice"))]
pub struct ChunkChoice {
    pub index: u32,
    pub delta: Delta,
    pub logprobs: Option<LogProbs>,
    /// Null until the last chunk of the choice.
    pub finish_reason: Option<FinishReason>,
}

/// The text and calls that a chunk adds to its choice.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ChatDelta"))]
pub struct Delta {
    /// Set in the first chunk of the choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCallDelta>,
}

impl Delta {
    /// Returns the first delta of a choice.
    #[must_use]
    pub fn opening() -> Self {
        Self { role: Some("assistant".to_owned()), content: Some(String::new()), ..Self::default() }
    }

    #[must_use]
    pub fn content(text: String) -> Self {
        Self { content: Some(text), ..Self::default() }
    }

    #[must_use]
    pub fn reasoning(text: String) -> Self {
        Self { reasoning_content: Some(text), ..Self::default() }
    }

    #[must_use]
    pub fn call(call: ToolCallDelta) -> Self {
        Self { tool_calls: vec![call], ..Self::default() }
    }
}

/// A part of a tool call: first its id and name, then its arguments.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ToolCallDelta {
    pub index: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
    pub function: FunctionDelta,
}

impl ToolCallDelta {
    #[must_use]
    pub fn opening(index: u32, id: String, name: String) -> Self {
        let function = FunctionDelta { name: Some(name), arguments: Some(String::new()) };
        Self { index, id: Some(id), r#type: Some("function".to_owned()), function }
    }

    #[must_use]
    pub fn arguments(index: u32, text: String) -> Self {
        let function = FunctionDelta { name: None, arguments: Some(text) };
        Self { index, id: None, r#type: None, function }
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FunctionDelta {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<String>,
}
