//! Rotary position embedding (Su et al., 2021).

/// Which two values of a head rotate together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pairing {
    /// 0 and 1, 2 and 3: the permutation of GGUF files with the llama architecture.
    Adjacent,
    /// 0 and half, 1 and half + 1: Hugging Face's checkpoints, and GGUF's "neox" architectures.
    Halves,
}

/// The cosine and sine of every pair's angle, with a row per token. All layers share it.
#[derive(Debug, Clone, Default)]
pub struct RopeTable {
    pairs: usize,
    cosines: Vec<f32>,
    sines: Vec<f32>,
}

impl RopeTable {
    /// Computes the table. A pair's angle is position times frequency. `gain` scales cosines and
    /// sines and is 1 except for YaRN.
    pub fn new(positions: impl IntoIterator<Item = usize>, frequencies: &[f32], gain: f32) -> Self {
        let mut angles = Self { pairs: frequencies.len(), ..Self::default() };
        for position in positions {
            for frequency in frequencies {
                // Computed in floats, as the reference implementations do, because the rounding
                // error is part of the model.
                let (sine, cosine) = (position as f32 * frequency).sin_cos();
                angles.cosines.push(cosine * gain);
                angles.sines.push(sine * gain);
            }
        }
        angles
    }

    /// Returns the cosines and the sines, with a row per token.
    pub fn values(&self) -> (&[f32], &[f32]) {
        (&self.cosines, &self.sines)
    }

    /// Returns the number of tokens.
    pub fn tokens(&self) -> usize {
        self.cosines.len() / self.pairs.max(1)
    }
}

/// Rotates the heads of each token in place. `x` has a row per token with heads of `width` values.
/// The first two values per frequency of each head rotate, and the rest stays.
///
/// # Panics
///
/// Panics if the lengths don't match.
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
