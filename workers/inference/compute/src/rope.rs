//! Rotary position embedding (Su et al., 2021).

/// Which two values of a head turn together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pairing {
    /// 0 and 1, 2 and 3: how a GGUF of the llama architecture has its weights permuted.
    Adjacent,
    /// 0 and half, 1 and half + 1: Hugging Face's checkpoints, and GGUF's "neox" architectures.
    Halves,
}

/// The cosine and sine of every pair's angle, a row per token. They are the same for all layers.
#[derive(Debug, Clone, Default)]
pub struct RopeTable {
    pairs: usize,
    cosines: Vec<f32>,
    sines: Vec<f32>,
}

impl RopeTable {
    /// The angle of a pair is position times frequency; `gain` scales cosines and sines (1, but for YaRN).
    pub fn new(positions: impl IntoIterator<Item = usize>, frequencies: &[f32], gain: f32) -> Self {
        let mut angles = Self { pairs: frequencies.len(), ..Self::default() };
        for position in positions {
            for frequency in frequencies {
                // In floats, as the reference implementations do; the product's error is part of the model.
                let (sine, cosine) = (position as f32 * frequency).sin_cos();
                angles.cosines.push(cosine * gain);
                angles.sines.push(sine * gain);
            }
        }
        angles
    }

    /// The cosines and the sines, a row per token.
    pub fn values(&self) -> (&[f32], &[f32]) {
        (&self.cosines, &self.sines)
    }

    /// How many tokens it has angles for.
    pub fn tokens(&self) -> usize {
        self.cosines.len() / self.pairs.max(1)
    }
}

/// Turns the heads of each token in place. `x` has a row per token of heads of `width` values; a head's first two
/// values per frequency turn, what is beyond stays.
///
/// # Panics
/// If the lengths don't fit.
pub fn rope(pairing: Pairing, angles: &RopeTable, width: usize, x: &mut [f32]) {
    let (tokens, pairs) = (angles.tokens(), angles.pairs);
    if tokens == 0 {
        assert!(x.is_empty(), "no angles for {} values", x.len());
        return;
    }
    assert!(
        2 * pairs <= width && x.len().is_multiple_of(tokens * width),
        "{pairs} pairs in heads of {width}"
    );
    let row = x.len() / tokens;
    let angles = angles.cosines.chunks_exact(pairs).zip(angles.sines.chunks_exact(pairs));
    for (token, (cosines, sines)) in x.chunks_exact_mut(row).zip(angles) {
        for head in token.chunks_exact_mut(width) {
            match pairing {
                Pairing::Adjacent => {
                    let (turning, _) = head.as_chunks_mut::<2>();
                    for (([a, b], cosine), sine) in turning.iter_mut().zip(cosines).zip(sines) {
                        (*a, *b) = turn(*a, *b, *cosine, *sine);
                    }
                }
                Pairing::Halves => {
                    let (first, rest) = head.split_at_mut(pairs);
                    for (((a, b), cosine), sine) in first.iter_mut().zip(rest).zip(cosines).zip(sines) {
                        (*a, *b) = turn(*a, *b, *cosine, *sine);
                    }
                }
            }
        }
    }
}

fn turn(a: f32, b: f32, cosine: f32, sine: f32) -> (f32, f32) {
    (a * cosine - b * sine, b * cosine + a * sine)
}
