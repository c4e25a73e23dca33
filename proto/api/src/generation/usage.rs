//! The usage of a generation, and why it ended.

use serde::{Deserialize, Serialize};

/// The number of tokens that a request used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TokenUsage {
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    pub total_tokens: u64,
    #[serde(default)]
    pub prompt_tokens_details: PromptDetails,
    #[serde(default)]
    pub completion_tokens_details: CompletionDetails,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PromptDetails {
    /// Tokens that were not computed again, because an earlier request had the same prefix.
    pub cached_tokens: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CompletionDetails {
    /// Tokens that are not part of the content.
    pub reasoning_tokens: u64,
}

impl TokenUsage {
    #[must_use]
    pub fn new(prompt: u64, completion: u64) -> Self {
        Self {
            prompt_tokens: prompt,
            completion_tokens: completion,
            total_tokens: prompt.saturating_add(completion),
            ..Self::default()
        }
    }

    #[must_use]
    pub fn with_cached(mut self, tokens: u64) -> Self {
        self.prompt_tokens_details.cached_tokens = tokens;
        self
    }

    #[must_use]
    pub fn with_reasoning(mut self, tokens: u64) -> Self {
        self.completion_tokens_details.reasoning_tokens = tokens;
        self
    }
}

/// Why a choice ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The model ended it, or a stop string occurred.
    Stop,
    /// The answer reached its maximum number of tokens.
    Length,
    /// The model calls tools.
    ToolCalls,
}
