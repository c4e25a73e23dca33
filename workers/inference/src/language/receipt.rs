//! What an answer was made with, and what it took.

use std::time::Duration;

use cortex_sample::Sampling;

/// The model and where it runs.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Identity {
    pub model: String,
    /// SHA-256 of the model's files, in hex, where it is known.
    pub sha256: Option<String>,
    pub quantisation: String,
    pub device: String,
    /// The floats it computes in there; with `cpu`, those that keys and values are kept in.
    pub dtype: String,
}

/// With this, the same model gives the same text again.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Receipt {
    #[serde(flatten)]
    pub identity: Identity,
    pub sampler: Sampler,
    pub constrained: bool,
    pub usage: Usage,
    pub times: Times,
}

/// How tokens were chosen.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Sampler {
    pub seed: u64,
    pub choice: u32,
    pub temperature: f32,
    pub top_k: u32,
    pub top_p: f32,
    pub min_p: f32,
    pub typical_p: f32,
    pub repetition_penalty: f32,
    pub presence_penalty: f32,
    pub frequency_penalty: f32,
    /// Tokens with a bias.
    pub biased: usize,
}

/// Tokens, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Usage {
    pub prompt_tokens: usize,
    /// Of the prompt, found computed.
    pub cached_tokens: usize,
    /// All that were chosen, the one that ended the answer included.
    pub completion_tokens: usize,
}

/// Where the time went, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize)]
pub struct Times {
    /// Until the first step that it had a place in.
    pub queue_ms: f64,
    /// From there to the first token.
    pub prefill_ms: f64,
    /// From there to the end.
    pub decode_ms: f64,
}

impl Times {
    pub(super) fn new(queue: Duration, prefill: Duration, decode: Duration) -> Self {
        let millis = |time: Duration| time.as_secs_f64() * 1e3;
        Self { queue_ms: millis(queue), prefill_ms: millis(prefill), decode_ms: millis(decode) }
    }
}

impl From<&Sampling> for Sampler {
    fn from(sampling: &Sampling) -> Self {
        Self {
            seed: sampling.seed,
            choice: sampling.choice,
            temperature: sampling.temperature,
            top_k: sampling.top_k,
            top_p: sampling.top_p,
            min_p: sampling.min_p,
            typical_p: sampling.typical_p,
            repetition_penalty: sampling.repetition_penalty,
            presence_penalty: sampling.presence_penalty,
            frequency_penalty: sampling.frequency_penalty,
            biased: sampling.logit_bias.len(),
        }
    }
}
