//! How likely the tokens of an answer were.

use serde::{Deserialize, Serialize};

/// `logprobs` of a choice.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct LogProbs {
    pub content: Vec<TokenLogProb>,
}

/// A token that was chosen.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TokenLogProb {
    pub token: String,
    pub logprob: f32,
    /// A token may be part of a character, which its text can't show.
    pub bytes: Vec<u8>,
    /// The likeliest ones in its place, likeliest first.
    pub top_logprobs: Vec<TopLogProb>,
}

/// A token that might have been chosen.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TopLogProb {
    pub token: String,
    pub logprob: f32,
    pub bytes: Vec<u8>,
}
