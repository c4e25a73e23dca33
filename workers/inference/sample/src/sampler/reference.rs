//! A slow second implementation of the sampler in double precision: full sorts, and no shared code
//! except the random number.

use crate::{Sampling, philox};

/// Shifts of the boundaries, to tell a rounding difference from a wrong result.
#[derive(Clone, Copy, Debug)]
pub(super) struct BoundaryShift {
    pub(super) share: f64,
    pub(super) uniform: f64,
}

pub(super) fn choose(
    sampling: &Sampling,
    prompt: &[u32],
    answer: &[u32],
    logits: &[f32],
    allowed: impl Fn(u32) -> bool,
    nudge: BoundaryShift,
) -> Option<u32> {
    let mut scores: Vec<(u32, f64)> = Vec::new();
    for (token, &logit) in logits.iter().enumerate() {
        let token = token as u32;
        let mut score = f64::from(logit);
        let times = answer.iter().filter(|&&said| said == token).count() as f64;
        if times > 0.0 || prompt.contains(&token) {
            let penalty = f64::from(sampling.repetition_penalty);
            score = if score > 0.0 { score / penalty } else { score * penalty };
        }
        score -= times * f64::from(sampling.frequency_penalty);
        score -= if times > 0.0 { f64::from(sampling.presence_penalty) } else { 0.0 };
        score += sampling
            .logit_bias
            .iter()
            .find(|(biased, _)| *biased == token)
            .map_or(0.0, |(_, bias)| f64::from(*bias));
        if allowed(token) && score > f64::NEG_INFINITY {
            scores.push((token, score));
        }
    }
    scores.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let greatest = scores.first()?.1;
    if sampling.temperature == 0.0 {
        return scores.first().map(|(token, _)| *token);
    }
    let mut weights: Vec<(u32, f64)> = scores
        .iter()
        .map(|(token, score)| (*token, ((score - greatest) / f64::from(sampling.temperature)).exp()))
        .collect();
    if sampling.top_k > 0 {
        weights.truncate(sampling.top_k as usize);
    }
    if sampling.top_p < 1.0 {
        prefix(&mut weights, f64::from(sampling.top_p) * nudge.share);
    }
    let least = f64::from(sampling.min_p) * nudge.share;
    weights.retain(|(_, weight)| *weight >= least);
    if sampling.typical_p < 1.0 {
        let total: f64 = weights.iter().map(|(_, weight)| weight).sum();
        let information = |weight: f64| if weight > 0.0 { -(weight / total).ln() } else { 0.0 };
        let entropy: f64 = weights.iter().map(|(_, weight)| weight / total * information(*weight)).sum();
        weights.retain(|(_, weight)| *weight > 0.0);
        let distance = |weight: f64| (information(weight) - entropy).abs();
        weights.sort_by(|a, b| distance(a.1).total_cmp(&distance(b.1)));
        prefix(&mut weights, f64::from(sampling.typical_p) * nudge.share);
    }
    weights.sort_by_key(|(token, _)| *token);
    let total: f64 = weights.iter().map(|(_, weight)| weight).sum();
    let uniform = philox::uniform(sampling.seed, sampling.choice, answer.len() as u64) + nudge.uniform;
    let mut passed = 0.0;
    for (token, weight) in &weights {
        passed += weight;
        if uniform * total < passed {
            return Some(*token);
        }
    }
    weights.iter().rev().find(|(_, weight)| *weight > 0.0).map(|(token, _)| *token)
}

fn prefix(weights: &mut Vec<(u32, f64)>, share: f64) {
    let total: f64 = weights.iter().map(|(_, weight)| weight).sum();
    let mut passed = 0.0;
    let mut length = 0;
    for (_, weight) in weights.iter() {
        length += 1;
        passed += weight;
        if passed >= share * total {
            break;
        }
    }
    weights.truncate(length);
}
