//! Rotary position embeddings: how fast each pair of values rotates with the position.

use std::f64::consts::TAU;

use cortex_compute::Pairing;

/// Rotary position embedding over whole heads.
#[derive(Debug, Clone, PartialEq)]
pub struct Rope {
    pub theta: f64,
    pub scaling: Scaling,
    pub pairing: Pairing,
}

/// How frequencies are scaled for a context longer than the model's first training.
#[derive(Debug, Clone, PartialEq)]
pub enum Scaling {
    None,
    /// Divides all frequencies by the factor.
    Linear {
        factor: f64,
    },
    /// Llama 3.1: divides by the factor the frequencies that rotate less than `low` times within
    /// the `original` context. Those that rotate `high` times or more are kept. In between the
    /// change is smooth.
    Llama3 {
        factor: f64,
        low: f64,
        high: f64,
        original: f64,
    },
    /// YaRN (Peng et al., 2023): the same idea with a ramp over the pairs' numbers, and `gain` on
    /// cosines and sines.
    Yarn {
        factor: f64,
        original: f64,
        fast: f64,
        slow: f64,
        truncate: bool,
        gain: f32,
    },
    /// Divides each frequency by its own number from a GGUF file's `rope_freqs.weight`, and all by
    /// the factor.
    Divisors {
        divisors: Vec<f32>,
        factor: f64,
    },
}

impl Rope {
    /// Returns each pair's angle per position.
    pub fn frequencies(&self, head_dim: usize) -> Vec<f32> {
        let plain = |pair: usize| self.theta.powf(-((2 * pair) as f64) / head_dim as f64);
        (0..head_dim / 2)
            .map(|pair| self.scaling.stretch(pair, plain(pair), self.theta, head_dim) as f32)
            .collect()
    }

    /// Returns the multiplier of cosines and sines.
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
                // The pair that rotates this often within the original context.
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

    /// Returns the gain that YaRN's authors suggest.
    pub(crate) fn yarn_gain(factor: f64, by: f64) -> f64 {
        if factor <= 1.0 { 1.0 } else { 0.1 * by * factor.ln() + 1.0 }
    }
}
