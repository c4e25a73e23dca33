use crate::candidates::{Candidate, by_likelihood, largest};
use crate::mass::ProbabilityMass;

/// Natural logarithms of probabilities in the model's own distribution: before penalties, bias,
/// mask and filters, at temperature 1.
/// temperature 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Logprobs<'a> {
    pub chosen: f32,
    /// The most likely tokens in descending order.
    pub top: &'a [(u32, f32)],
}

/// Returns the logarithm of the sum of e^logit and stores the `count` most likely tokens in `top`.
pub(crate) fn measure(
    logits: &[f32],
    best: Candidate,
    count: usize,
    mass: &mut ProbabilityMass,
    kept: &mut Vec<Candidate>,
    top: &mut Vec<(u32, f32)>,
) -> f64 {
    let normaliser = f64::from(best.logit) + mass.measure(logits, best.logit, 1.0).ln();
    largest(logits, count, kept);
    kept.sort_unstable_by(by_likelihood);
    top.clear();
    top.extend(kept.iter().map(|candidate| (candidate.token, of(candidate.logit, normaliser))));
    normaliser
}

pub(crate) fn of(logit: f32, normaliser: f64) -> f32 {
    (f64::from(logit) - normaliser) as f32
}
