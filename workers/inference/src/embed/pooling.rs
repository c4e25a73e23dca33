//! From a vector per token to one per text.

/// How.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pooling {
    pub(super) pool: PoolingMode,
    /// To length one.
    pub(super) normalise: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PoolingMode {
    Mean,
    /// The first token, `[CLS]`, stands for the text.
    First,
}

impl Pooling {
    /// `states` has a row of `width` per token, at least one.
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
