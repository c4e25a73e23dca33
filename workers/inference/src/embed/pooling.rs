//! Pooling: from a vector per token to one per text.

/// How to pool token vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pooling {
    pub(super) pool: PoolingMode,
    /// Whether to scale the vector to length one.
    pub(super) normalise: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PoolingMode {
    Mean,
    /// The vector of the first token, `[CLS]`.
    First,
}

impl Pooling {
    /// Pools `states`, which has a row of `width` values for each of at least one token.
    pub(super) fn apply(self, states: &[f32], width: usize) -> Vec<f32> {
        let mut vector = match self.pool {
            PoolingMode::First => states[..width].to_vec(),
            PoolingMode::Mean => {
                let mut sum = vec![0.0; width];
                for row in states.chunks_exact(width) {
                    for (sum, value) in sum.iter_mut().zip(row) {
                        *sum += value;
                    }
                }
                let scale = width as f32 / states.len() as f32;
                sum.iter_mut().for_each(|sum| *sum *= scale);
                sum
            }
        };
        if self.normalise {
            let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-12);
            vector.iter_mut().for_each(|value| *value /= length);
        }
        vector
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_is_over_the_tokens_and_can_be_normalised() {
        let states = [1.0, 2.0, 5.0, 6.0];
        let pooling = |pool, normalise| Pooling { pool, normalise };
        assert_eq!(pooling(PoolingMode::Mean, false).apply(&states, 2), [3.0, 4.0]);
        assert_eq!(pooling(PoolingMode::Mean, true).apply(&states, 2), [0.6, 0.8]);
        assert_eq!(pooling(PoolingMode::First, false).apply(&states, 2), [1.0, 2.0]);
        assert_eq!(pooling(PoolingMode::Mean, true).apply(&[0.0; 2], 2), [0.0; 2]);
    }
}
