use std::collections::HashSet;
use std::ops::RangeInclusive;

use thiserror::Error;

/// How many tokens one request may bias.
pub const MAX_BIASES: usize = 1024;
/// The highest allowed `top_logprobs`, as in OpenAI's reference.
pub const MAX_LOGPROBS: u8 = 20;

/// How the next token is chosen. The default samples from the model's own distribution.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    /// From 0 to 2; 0 takes the most likely token.
    pub temperature: f32,
    /// Keeps this many of the most likely tokens; 0 keeps all.
    pub top_k: u32,
    /// Keeps the smallest set of the most likely tokens with this much probability; 1 keeps all.
    pub top_p: f32,
    /// Keeps tokens at least this fraction as likely as the most likely one; 0 keeps all.
    pub min_p: f32,
    /// Keeps the tokens whose information is closest to the entropy, with this much probability; 1
    /// keeps all.
    pub typical_p: f32,
    /// Divides positive and multiplies negative logits of tokens in the prompt or answer; 1 has no
    /// effect.
    pub repetition_penalty: f32,
    /// Subtracted once from tokens that occur in the answer; -2 to 2.
    pub presence_penalty: f32,
    /// Subtracted from tokens for each occurrence in the answer; -2 to 2.
    pub frequency_penalty: f32,
    /// Added to the logits of these tokens; -100 to 100.
    pub logit_bias: Vec<(u32, f32)>,
    pub seed: u64,
    /// The index among several answers to one prompt; each draws its own numbers from the seed.
    pub choice: u32,
    /// Log-probabilities of the chosen token and of this many alternatives.
    pub logprobs: Option<u8>,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: 1.0,
            top_k: 0,
            top_p: 1.0,
            min_p: 0.0,
            typical_p: 1.0,
            repetition_penalty: 1.0,
            presence_penalty: 0.0,
            frequency_penalty: 0.0,
            logit_bias: Vec::new(),
            seed: 0,
            choice: 0,
            logprobs: None,
        }
    }
}

/// A parameter that can't be used, under its name in requests.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{parameter} {why}")]
pub struct InvalidParameter {
    pub parameter: &'static str,
    pub why: String,
}

impl Sampling {
    /// Checks that every parameter is within its range and doesn't contradict itself.
    pub fn check(&self) -> Result<(), InvalidParameter> {
        check_range("temperature", self.temperature, 0.0..=2.0)?;
        check_range("top_p", self.top_p, 0.0..=1.0)?;
        check_range("min_p", self.min_p, 0.0..=1.0)?;
        check_positive("typical_p", self.typical_p, 1.0)?;
        check_positive("repetition_penalty", self.repetition_penalty, 10.0)?;
        check_range("presence_penalty", self.presence_penalty, -2.0..=2.0)?;
        check_range("frequency_penalty", self.frequency_penalty, -2.0..=2.0)?;
        self.check_biases()?;
        match self.logprobs {
            Some(count) if count > MAX_LOGPROBS => {
                Err(invalid("top_logprobs", format!("must be at most {MAX_LOGPROBS} (got {count})")))
            }
            _ => Ok(()),
        }
    }

    /// Checks that every biased token is in a vocabulary of this size.
    pub fn check_vocabulary(&self, vocabulary: usize) -> Result<(), InvalidParameter> {
        match self.logit_bias.iter().find(|(token, _)| *token as usize >= vocabulary) {
            Some((token, _)) => Err(invalid(
                "logit_bias",
                format!("contains token {token}, but the vocabulary has {vocabulary} tokens"),
            )),
            None => Ok(()),
        }
    }

    fn check_biases(&self) -> Result<(), InvalidParameter> {
        if self.logit_bias.len() > MAX_BIASES {
            let count = self.logit_bias.len();
            return Err(invalid(
                "logit_bias",
                format!("must have at most {MAX_BIASES} tokens (got {count})"),
            ));
        }
        let mut seen = HashSet::new();
        for (token, bias) in &self.logit_bias {
            check_range("logit_bias", *bias, -100.0..=100.0)?;
            if !seen.insert(token) {
                return Err(invalid("logit_bias", format!("contains token {token} twice")));
            }
        }
        Ok(())
    }
}

fn check_range(
    parameter: &'static str,
    value: f32,
    range: RangeInclusive<f32>,
) -> Result<(), InvalidParameter> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(invalid(parameter, format!("must be from {} to {} (got {value})", range.start(), range.end())))
}

fn check_positive(parameter: &'static str, value: f32, most: f32) -> Result<(), InvalidParameter> {
    if value > 0.0 && value <= most {
        return Ok(());
    }
    Err(invalid(parameter, format!("must be above 0 and at most {most} (got {value})")))
}

fn invalid(parameter: &'static str, why: String) -> InvalidParameter {
    InvalidParameter { parameter, why }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejected(change: impl FnOnce(&mut Sampling)) -> &'static str {
        let mut sampling = Sampling::default();
        change(&mut sampling);
        sampling.check().expect_err("the value is bad").parameter
    }

    #[test]
    fn every_bad_value_is_rejected_with_its_parameter() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.5, 11.0] {
            assert_eq!(rejected(|s| s.temperature = bad), "temperature");
            assert_eq!(rejected(|s| s.top_p = bad), "top_p");
            assert_eq!(rejected(|s| s.min_p = bad), "min_p");
            assert_eq!(rejected(|s| s.typical_p = bad), "typical_p");
            assert_eq!(rejected(|s| s.repetition_penalty = bad), "repetition_penalty");
        }
        for bad in [f32::NAN, f32::INFINITY, -2.1, 2.1] {
            assert_eq!(rejected(|s| s.presence_penalty = bad), "presence_penalty");
            assert_eq!(rejected(|s| s.frequency_penalty = bad), "frequency_penalty");
        }
        for bad in [f32::NAN, f32::NEG_INFINITY, 100.5] {
            assert_eq!(rejected(|s| s.logit_bias = vec![(1, bad)]), "logit_bias");
        }
        assert_eq!(rejected(|s| s.logit_bias = vec![(1, 1.0), (1, -1.0)]), "logit_bias");
        assert_eq!(rejected(|s| s.logit_bias = (0..1025).map(|t| (t, 0.0)).collect()), "logit_bias");
        assert_eq!(rejected(|s| s.logprobs = Some(21)), "top_logprobs");
        assert_eq!(rejected(|s| s.typical_p = 0.0), "typical_p");
        assert_eq!(rejected(|s| s.repetition_penalty = 0.0), "repetition_penalty");
    }

    #[test]
    fn the_bounds_themselves_are_accepted() {
        let edge = Sampling {
            temperature: 2.0,
            top_p: 0.0,
            min_p: 1.0,
            typical_p: 1.0,
            repetition_penalty: 10.0,
            presence_penalty: -2.0,
            frequency_penalty: 2.0,
            logit_bias: vec![(0, -100.0), (1, 100.0)],
            logprobs: Some(20),
            ..Sampling::default()
        };
        assert_eq!(edge.check(), Ok(()));
        assert_eq!(Sampling::default().check(), Ok(()));
    }

    #[test]
    fn a_bias_outside_the_vocabulary_is_rejected_with_both_numbers() {
        let sampling = Sampling { logit_bias: vec![(9, 1.0)], ..Sampling::default() };
        assert_eq!(sampling.check_vocabulary(10), Ok(()));
        let rejected = sampling.check_vocabulary(9).expect_err("there is no token 9");
        assert_eq!(rejected.to_string(), "logit_bias contains token 9, but the vocabulary has 9 tokens");
    }
}
