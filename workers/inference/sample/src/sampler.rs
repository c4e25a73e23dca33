use thiserror::Error;

use crate::candidates::{Candidate, most_likely};
use crate::logprobs::{self, Logprobs};
use crate::mass::ProbabilityMass;
use crate::penalties::Penalties;
use crate::{Sampling, filters, mask, philox};

/// Lower temperatures choose the most likely token: their inverse would overflow single precision.
const MIN_TEMPERATURE: f32 = 1e-5;

/// Chooses the tokens of one answer.
#[derive(Debug)]
pub struct Sampler {
    sampling: Sampling,
    penalties: Penalties,
    /// Tokens in the answer so far.
    step: u64,
    mass: ProbabilityMass,
    kept: Vec<Candidate>,
    before: Vec<(u32, f32)>,
    top: Vec<(u32, f32)>,
}

/// The token that was chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampled<'a> {
    pub token: u32,
    /// Present if the request asked for them.
    pub logprobs: Option<Logprobs<'a>>,
}

/// Logits from which no token can be chosen.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum SampleError {
    #[error("the model's logits are not finite or every token is masked")]
    NotFinite,
}

impl Sampler {
    /// A sampler for one answer to `prompt`; `sampling` must have passed its checks.
    pub fn new(sampling: Sampling, prompt: &[u32]) -> Self {
        let penalties = Penalties::new(&sampling, prompt);
        Self {
            sampling,
            penalties,
            step: 0,
            mass: ProbabilityMass::default(),
            kept: Vec::new(),
            before: Vec::new(),
            top: Vec::new(),
        }
    }

    /// Chooses and records a token. Changes the logits. Bit `t % 32` of word `t / 32` of the mask
    /// allows token `t`. On an error the sampler is unchanged.
    pub fn sample(
        &mut self,
        logits: &mut [f32],
        allowed: Option<&[u32]>,
    ) -> Result<Sampled<'_>, SampleError> {
        if !has_valid_logits(logits) {
            return Err(SampleError::NotFinite);
        }
        let normaliser = match self.sampling.logprobs {
            None => None,
            Some(count) => {
                let best = most_likely(logits).ok_or(SampleError::NotFinite)?;
                Some(logprobs::measure(
                    logits,
                    best,
                    usize::from(count),
                    &mut self.mass,
                    &mut self.kept,
                    &mut self.top,
                ))
            }
        };
        self.before.clear();
        self.penalties.apply(logits, &mut self.before);
        for &(token, bias) in &self.sampling.logit_bias {
            if let Some(logit) = logits.get_mut(token as usize) {
                self.before.push((token, *logit));
                *logit = (*logit + bias).min(f32::MAX);
            }
        }
        if let Some(words) = allowed {
            mask::apply(words, logits);
        }
        let best = most_likely(logits).ok_or(SampleError::NotFinite)?;
        let token = self.choose(logits, best);
        self.record(token);
        let logprobs = normaliser.map(|normaliser| {
            let changed = self.before.iter().find(|(changed, _)| *changed == token);
            let raw = changed.map_or(logits[token as usize], |(_, raw)| *raw);
            Logprobs { chosen: logprobs::of(raw, normaliser), top: &self.top }
        });
        Ok(Sampled { token, logprobs })
    }

    /// Records a token of the answer that wasn't drawn, such as one that a grammar forces.
    pub fn record(&mut self, token: u32) {
        self.penalties.record(token);
        self.step += 1;
    }

    pub fn sampling(&self) -> &Sampling {
        &self.sampling
    }

    fn choose(&mut self, logits: &[f32], best: Candidate) -> u32 {
        let temperature = self.sampling.temperature;
        if temperature < MIN_TEMPERATURE {
            return best.token;
        }
        let uniform = philox::uniform(self.sampling.seed, self.sampling.choice, self.step);
        if filters::narrow(logits, best, &self.sampling, &mut self.mass, &mut self.kept) {
            return draw(&mut self.kept, best, temperature, uniform);
        }
        self.mass.measure(logits, best.logit, temperature);
        self.mass.draw(logits, best.logit, temperature, uniform)
    }
}

/// The token at the fraction `uniform` of the kept candidates' weight, in ascending order of id.
fn draw(kept: &mut [Candidate], best: Candidate, temperature: f32, uniform: f64) -> u32 {
    kept.sort_unstable_by_key(|candidate| candidate.token);
    let weight = |candidate: &Candidate| f64::from((candidate.logit - best.logit) / temperature).exp();
    let mut left = uniform * kept.iter().map(weight).sum::<f64>();
    let mut last = best.token;
    for candidate in &*kept {
        let weight = weight(candidate);
        if weight > 0.0 {
            last = candidate.token;
            if left < weight {
                break;
            }
            left -= weight;
        }
    }
    last
}

/// Whether there is no NaN and no +inf; -inf marks a token that can't be drawn.
fn has_valid_logits(logits: &[f32]) -> bool {
    logits.chunks(64).all(|chunk| chunk.iter().fold(true, |valid, &logit| valid & (logit < f32::INFINITY)))
}

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;
