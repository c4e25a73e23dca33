//! The probabilities of the tokens of an answer.

use serde::{Deserialize, Serialize};

/// The probabilities of the tokens of a choice.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LogProbs {
    pub content: Vec<TokenLogProb>,
}

/// A chosen token.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TokenLogProb {
    pub token: String,
    pub logprob: f32,
    /// The bytes of the token. They may be part of a character, which the text can't show.
    pub bytes: Vec<u8>,
    /// The most likely tokens at this position, most likely first.
    pub top_logprobs: Vec<TopLogProb>,
}

/// A possible token.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TopLogProb {
    pub token: String,
    pub logprob: f32,
    pub bytes: Vec<u8>,
}
