use std::cmp::Ordering;

use crate::Sampling;
use crate::candidates::{Candidate, at_least, by_likelihood, largest};
use crate::mass::ProbabilityMass;

/// A logit this far below the largest has a weight of 0 in single precision.
const NEGLIGIBLE: f32 = 87.0;

/// Narrows all tokens down to those that may be drawn, into `kept`, unordered. Returns false if
/// every token may be drawn.
pub(crate) fn narrow(
    logits: &[f32],
    best: Candidate,
    sampling: &Sampling,
    mass: &mut ProbabilityMass,
    kept: &mut Vec<Candidate>,
) -> bool {
    let temperature = sampling.temperature;
    let count = sampling.top_k as usize;
    let mut narrowed = false;
    if count > 0 && count < logits.len() {
        largest(logits, count, kept);
        narrowed = true;
    }
    let scaled = |candidate: &Candidate| f64::from((candidate.logit - best.logit) / temperature);
    if sampling.top_p < 1.0 {
        let share = f64::from(sampling.top_p);
        if narrowed {
            let total = sum(kept, |candidate| scaled(candidate).exp());
            shortest(kept, share * total, |candidate| scaled(candidate).exp(), by_likelihood);
        } else {
            let wanted = share * mass.measure(logits, best.logit, temperature);
            let mut reach = 4.0;
            loop {
                at_least(logits, best.logit - reach * temperature, kept);
                if reach > NEGLIGIBLE || sum(kept, |candidate| scaled(candidate).exp()) >= wanted {
                    break;
                }
                reach *= 2.0;
            }
            shortest(kept, wanted, |candidate| scaled(candidate).exp(), by_likelihood);
            narrowed = true;
        }
    }
    if sampling.min_p > 0.0 {
        let least = best.logit + temperature * sampling.min_p.ln();
        if narrowed {
            kept.retain(|candidate| candidate.logit >= least);
        } else {
            at_least(logits, least, kept);
            narrowed = true;
        }
    }
    if sampling.typical_p < 1.0 {
        if !narrowed {
            at_least(logits, best.logit - NEGLIGIBLE * temperature, kept);
            narrowed = true;
        }
        typical(kept, f64::from(sampling.typical_p), scaled);
    }
    narrowed
}

/// Keeps the tokens whose information is closest to the entropy of the remaining distribution.
fn typical(kept: &mut Vec<Candidate>, share: f64, scaled: impl Fn(&Candidate) -> f64) {
    let total = sum(kept, |candidate| scaled(candidate).exp());
    // With p = e^x / total, the information is ln total - x, and its mean ln total - mean x: ln
    // total cancels.
    let mean = sum(kept, |candidate| scaled(candidate) * scaled(candidate).exp()) / total;
    let distance = |candidate: &Candidate| (scaled(candidate) - mean).abs();
    shortest(
        kept,
        share * total,
        |candidate| scaled(candidate).exp(),
        |left, right| distance(left).total_cmp(&distance(right)).then_with(|| by_likelihood(left, right)),
    );
}

/// Keeps the shortest prefix, in the given order, that weighs at least `wanted`; bisects by
/// selection instead of sorting.
fn shortest(
    kept: &mut Vec<Candidate>,
    mut wanted: f64,
    weight: impl Fn(&Candidate) -> f64,
    order: impl Fn(&Candidate, &Candidate) -> Ordering,
) {
    let (mut low, mut high) = (0, kept.len());
    while high - low > 1 {
        let half = (high - low) / 2;
        kept[low..high].select_nth_unstable_by(half, &order);
        let lower = sum(&kept[low..low + half], &weight);
        if lower >= wanted {
            high = low + half;
        } else {
            wanted -= lower;
            low += half;
        }
    }
    kept.truncate(high);
}

fn sum(kept: &[Candidate], weight: impl Fn(&Candidate) -> f64) -> f64 {
    kept.iter().map(weight).sum()
}
