use std::collections::HashMap;

use crate::Sampling;

/// The tokens of prompt and answer, for the repetition penalties.
#[derive(Clone, Debug)]
pub(crate) struct Penalties {
    repetition: f32,
    presence: f32,
    frequency: f32,
    seen: Vec<TokenCount>,
    places: HashMap<u32, usize>,
}

#[derive(Clone, Copy, Debug)]
struct TokenCount {
    token: u32,
    /// How often the answer contains it; 0 if only the prompt does.
    times: u32,
}

impl Penalties {
    pub(crate) fn new(sampling: &Sampling, prompt: &[u32]) -> Self {
        let mut penalties = Self {
            repetition: sampling.repetition_penalty,
            presence: sampling.presence_penalty,
            frequency: sampling.frequency_penalty,
            seen: Vec::new(),
            places: HashMap::new(),
        };
        if penalties.repetition != 1.0 {
            for &token in prompt {
                penalties.count(token);
            }
        }
        penalties
    }

    /// Counts a token of the answer.
    pub(crate) fn record(&mut self, token: u32) {
        if self.repetition != 1.0 || self.presence != 0.0 || self.frequency != 0.0 {
            self.count(token).times += 1;
        }
    }

    /// Changes the logits and records their previous values.
    pub(crate) fn apply(&self, logits: &mut [f32], before: &mut Vec<(u32, f32)>) {
        for seen in &self.seen {
            let Some(logit) = logits.get_mut(seen.token as usize) else { continue };
            before.push((seen.token, *logit));
            let repeated = if *logit > 0.0 { *logit / self.repetition } else { *logit * self.repetition };
            let once = if seen.times > 0 { self.presence } else { 0.0 };
            // A finite logit stays below infinity for every divisor.
            *logit = (repeated - seen.times as f32 * self.frequency - once).min(f32::MAX);
        }
    }

    fn count(&mut self, token: u32) -> &mut TokenCount {
        let place = *self.places.entry(token).or_insert_with(|| {
            self.seen.push(TokenCount { token, times: 0 });
            self.seen.len() - 1
        });
        &mut self.seen[place]
    }
}
