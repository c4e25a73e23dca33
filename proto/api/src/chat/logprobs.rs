//! How likely the tokens of an answer were.

use serde::{Deserialize, Serialize};

/// How likely the tokens of a choice were.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LogProbs {
    pub content: Vec<TokenLogProb>,
}

/// A token that was chosen.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TokenLogProb {
    pub token: String,
    pub logprob: f32,
    /// The bytes of the token, which may be part of a character that its text cannot show.
    pub bytes: Vec<u8>,
    /// The likeliest tokens in its place, likeliest first.
    pub top_logprobs: Vec<TopLogProb>,
}

/// A token that might have been chosen.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TopLogProb {
    pub token: String,
    pub logprob: f32,
    pub bytes: Vec<u8>,
}
