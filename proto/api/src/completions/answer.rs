//! The answer, whole or as a chunk. Both have the same format.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::generation::{FinishReason, TokenUsage};

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Completion {
    pub id: String,
    /// Always `text_completion`.
    #[cfg_attr(feature = "schema", schemars(extend("const" = "text_completion")))]
    pub object: String,
    /// Seconds since 1970.
    pub created: u64,
    pub model: String,
    /// Empty in the chunk with the usage.
    pub choices: Vec<CompletionChoice>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<TokenUsage>,
    /// The receipt: how the answer was produced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<serde_json::Map<String, Value>>"))]
    pub cortex: Option<Value>,
}

impl Completion {
    #[must_use]
    pub fn new(id: String, created: u64, model: String, choices: Vec<CompletionChoice>) -> Self {
        Self { id, object: "text_completion".to_owned(), created, model, choices, usage: None, cortex: None }
    }
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CompletionChoice {
    pub index: u32,
    /// The whole text, or the new part.
    pub text: String,
    pub logprobs: Option<CompletionLogProbs>,
    /// Null until the choice has ended.
    pub finish_reason: Option<FinishReason>,
}

/// The probabilities of the tokens, as lists of equal length.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CompletionLogProbs {
    pub tokens: Vec<String>,
    pub token_logprobs: Vec<f32>,
    /// For each token, the most likely tokens at its position, by text.
    pub top_logprobs: Vec<std::collections::BTreeMap<String, f32>>,
    /// The position of each token in the text, in characters.
    pub text_offset: Vec<usize>,
}
