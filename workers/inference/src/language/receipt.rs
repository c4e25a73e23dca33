//! Receipts: how an answer was made, and its costs.

use std::time::Duration;

use cortex_sample::Sampling;

/// The model and its device.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Identity {
    pub model: String,
    /// SHA-256 of the model's files in hex, if known.
    pub sha256: Option<String>,
    pub quantisation: String,
    pub device: String,
    /// The floats that it computes in. On `cpu`, the floats of keys and values.
    pub dtype: String,
}

/// How to generate the same text again with the same model.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Receipt {
    #[serde(flatten)]
    pub identity: Identity,
    pub sampler: Sampler,
    pub constrained: bool,
    pub usage: Usage,
    pub times: Times,
}

/// How tokens were sampled.
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
    /// How many tokens have a bias.
    pub biased: usize,
}

/// Token counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Usage {
    pub prompt_tokens: usize,
    /// Tokens of the prompt that were found in the cache.
    pub cached_tokens: usize,
    /// All sampled tokens, including the one that ended the answer.
    pub completion_tokens: usize,
}

/// The time of each stage, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize)]
pub struct Times {
    /// Until its first step.
    pub queue_ms: f64,
    /// From its first step to its first token.
    pub prefill_ms: f64,
    /// From its first token to its end.
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
