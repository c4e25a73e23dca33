use std::collections::HashSet;
use std::ops::RangeInclusive;

use thiserror::Error;

/// Most tokens that one request may bias.
pub const MAX_BIASES: usize = 1024;
/// Most alternatives per position in `top_logprobs`, as in OpenAI's reference.
pub const MAX_LOGPROBS: u8 = 20;

/// How the next token is chosen. The default is the model's own distribution.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    /// 0 to 2; 0 takes the most likely token.
    pub temperature: f32,
    /// Keeps this many of the most likely tokens; 0 keeps all.
    pub top_k: u32,
    /// Keeps the smallest set of most likely tokens with this much probability; 1 keeps all.
    pub top_p: f32,
    /// Keeps tokens at least this fraction as likely as the most likely one; 0 keeps all.
    pub min_p: f32,
    /// Keeps the tokens whose information is nearest to the entropy, with this much probability; 1 keeps all.
    pub typical_p: f32,
    /// Divides positive and multiplies negative logits of tokens in prompt or answer; 1 does nothing.
    pub repetition_penalty: f32,
    /// Subtracted once from tokens that the answer holds; -2 to 2.
    pub presence_penalty: f32,
    /// Subtracted from tokens for each time that the answer holds them; -2 to 2.
    pub frequency_penalty: f32,
    /// Added to the logits of these tokens; -100 to 100.
    pub logit_bias: Vec<(u32, f32)>,
    pub seed: u64,
    /// Which of several answers to one prompt: each draws its own numbers from the seed.
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

/// A parameter that can't be used, by the name that requests give it.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{parameter} {why}")]
pub struct Invalid {
    pub parameter: &'static str,
    pub why: String,
}

impl Sampling {
    /// Refuses the first parameter that is out of its range or contradicts itself.
    pub fn check(&self) -> Result<(), Invalid> {
        within("temperature", self.temperature, 0.0..=2.0)?;
        within("top_p", self.top_p, 0.0..=1.0)?;
        within("min_p", self.min_p, 0.0..=1.0)?;
        above_zero("typical_p", self.typical_p, 1.0)?;
        above_zero("repetition_penalty", self.repetition_penalty, 10.0)?;
        within("presence_penalty", self.presence_penalty, -2.0..=2.0)?;
        within("frequency_penalty", self.frequency_penalty, -2.0..=2.0)?;
        self.check_biases()?;
        match self.logprobs {
            Some(count) if count > MAX_LOGPROBS => {
                Err(invalid("top_logprobs", format!("is {count}, at most {MAX_LOGPROBS} are given")))
            }
            _ => Ok(()),
        }
    }

    /// Refuses a bias for a token that a vocabulary of this size doesn't have.
    pub fn check_vocabulary(&self, vocabulary: usize) -> Result<(), Invalid> {
        match self.logit_bias.iter().find(|(token, _)| *token as usize >= vocabulary) {
            Some((token, _)) => Err(invalid(
                "logit_bias",
                format!("names token {token}; the vocabulary has {vocabulary} tokens"),
            )),
            None => Ok(()),
        }
    }

    fn check_biases(&self) -> Result<(), Invalid> {
        if self.logit_bias.len() > MAX_BIASES {
            let count = self.logit_bias.len();
            return Err(invalid(
                "logit_bias",
                format!("has {count} tokens, at most {MAX_BIASES} can be biased"),
            ));
        }
        let mut seen = HashSet::new();
        for (token, bias) in &self.logit_bias {
            within("logit_bias", *bias, -100.0..=100.0)?;
            if !seen.insert(token) {
                return Err(invalid("logit_bias", format!("names token {token} twice")));
            }
        }
        Ok(())
    }
}

fn within(parameter: &'static str, value: f32, range: RangeInclusive<f32>) -> Result<(), Invalid> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(invalid(parameter, format!("is {value}, it must be from {} to {}", range.start(), range.end())))
}

fn above_zero(parameter: &'static str, value: f32, most: f32) -> Result<(), Invalid> {
    if value > 0.0 && value <= most {
        return Ok(());
    }
    Err(invalid(parameter, format!("is {value}, it must be above 0 and at most {most}")))
}

fn invalid(parameter: &'static str, why: String) -> Invalid {
    Invalid { parameter, why }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut Sampling)) -> &'static str {
        let mut sampling = Sampling::default();
        change(&mut sampling);
        sampling.check().expect_err("the value is bad").parameter
    }

    #[test]
    fn every_bad_value_is_refused_by_its_parameter() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.5, 11.0] {
            assert_eq!(refused(|s| s.temperature = bad), "temperature");
            assert_eq!(refused(|s| s.top_p = bad), "top_p");
            assert_eq!(refused(|s| s.min_p = bad), "min_p");
            assert_eq!(refused(|s| s.typical_p = bad), "typical_p");
            assert_eq!(refused(|s| s.repetition_penalty = bad), "repetition_penalty");
        }
        for bad in [f32::NAN, f32::INFINITY, -2.1, 2.1] {
            assert_eq!(refused(|s| s.presence_penalty = bad), "presence_penalty");
            assert_eq!(refused(|s| s.frequency_penalty = bad), "frequency_penalty");
        }
        for bad in [f32::NAN, f32::NEG_INFINITY, 100.5] {
            assert_eq!(refused(|s| s.logit_bias = vec![(1, bad)]), "logit_bias");
        }
        assert_eq!(refused(|s| s.logit_bias = vec![(1, 1.0), (1, -1.0)]), "logit_bias");
        assert_eq!(refused(|s| s.logit_bias = (0..1025).map(|t| (t, 0.0)).collect()), "logit_bias");
        assert_eq!(refused(|s| s.logprobs = Some(21)), "top_logprobs");
        assert_eq!(refused(|s| s.typical_p = 0.0), "typical_p");
        assert_eq!(refused(|s| s.repetition_penalty = 0.0), "repetition_penalty");
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
    fn a_bias_outside_the_vocabulary_is_refused_with_both_numbers() {
        let sampling = Sampling { logit_bias: vec![(9, 1.0)], ..Sampling::default() };
        assert_eq!(sampling.check_vocabulary(10), Ok(()));
        let refused = sampling.check_vocabulary(9).expect_err("there is no token 9");
        assert_eq!(refused.to_string(), "logit_bias names token 9; the vocabulary has 9 tokens");
    }
}
