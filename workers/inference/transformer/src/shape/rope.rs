//! How fast each pair of a head's values turns with the position.

use std::f64::consts::TAU;

use cortex_compute::Pairing;

/// Rotary position embedding over whole heads.
#[derive(Debug, Clone, PartialEq)]
pub struct Rope {
    pub theta: f64,
    pub scaling: Scaling,
    pub pairing: Pairing,
}

/// How the frequencies are stretched for a context longer than the model was first trained on.
#[derive(Debug, Clone, PartialEq)]
pub enum Scaling {
    None,
    /// All are divided by the factor.
    Linear {
        factor: f64,
    },
    /// Llama 3.1: those too slow to turn `low` times within the `original` context are divided by the factor, those
    /// that turn `high` times are kept, and between them it goes over smoothly.
    Llama3 {
        factor: f64,
        low: f64,
        high: f64,
        original: f64,
    },
    /// Peng et al., 2023: the same idea with a ramp over the pairs' numbers, and `gain` on cosines and sines.
    Yarn {
        factor: f64,
        original: f64,
        fast: f64,
        slow: f64,
        truncate: bool,
        gain: f32,
    },
    /// Each by a number of its own, which a GGUF file brings as `rope_freqs.weight`, and all by the factor.
    Divisors {
        divisors: Vec<f32>,
        factor: f64,
    },
}

impl Rope {
    /// The angle per position of each pair.
    pub fn frequencies(&self, head_dim: usize) -> Vec<f32> {
        let plain = |pair: usize| self.theta.powf(-((2 * pair) as f64) / head_dim as f64);
        (0..head_dim / 2)
            .map(|pair| self.scaling.stretch(pair, plain(pair), self.theta, head_dim) as f32)
            .collect()
    }

    /// What cosines and sines are multiplied by.
    pub fn gain(&self) -> f32 {
        if let Scaling::Yarn { gain, .. } = self.scaling { gain } else { 1.0 }
    }
}

impl Scaling {
    fn stretch(&self, pair: usize, frequency: f64, theta: f64, head_dim: usize) -> f64 {
        match *self {
            Self::None => frequency,
            Self::Linear { factor } => frequency / factor,
            Self::Llama3 { factor, low, high, original } => {
                let turns = original * frequency / TAU;
                let kept = ((turns - low) / (high - low)).clamp(0.0, 1.0);
                frequency * (kept + (1.0 - kept) / factor)
            }
            Self::Yarn { factor, original, fast, slow, truncate, .. } => {
                // The pair that turns so often within the original context.
                let pair_of =
                    |turns: f64| head_dim as f64 * (original / (turns * TAU)).ln() / (2.0 * theta.ln());
                let (first, last) = (pair_of(fast), pair_of(slow));
                let (first, last) = if truncate { (first.floor(), last.ceil()) } else { (first, last) };
                let (first, last) = (first.max(0.0), last.min(head_dim as f64 - 1.0));
                let length = if first == last { 0.001 } else { last - first };
                let stretched = ((pair as f64 - first) / length).clamp(0.0, 1.0);
                frequency * (stretched / factor + (1.0 - stretched))
            }
            Self::Divisors { ref divisors, factor } => frequency / factor / f64::from(divisors[pair]),
        }
    }

    /// The gain that YaRN's authors suggest.
    pub(crate) fn yarn_gain(factor: f64, by: f64) -> f64 {
        if factor <= 1.0 { 1.0 } else { 0.1 * by * factor.ln() + 1.0 }
    }
}
