/// Sets logits to -inf where the mask's bit is 0: token `t` is bit `t % 32` of word `t / 32`.
/// Tokens beyond the mask are not allowed.
pub(crate) fn apply(words: &[u32], logits: &mut [f32]) {
    let covered = logits.len().min(words.len() * 32);
    let (within, beyond) = logits.split_at_mut(covered);
    beyond.fill(f32::NEG_INFINITY);
    for (chunk, word) in within.chunks_mut(32).zip(words) {
        match *word {
            0 => chunk.fill(f32::NEG_INFINITY),
            u32::MAX => {}
            bits => {
                for (bit, logit) in chunk.iter_mut().enumerate() {
                    if bits >> bit & 1 == 0 {
                        *logit = f32::NEG_INFINITY;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_set_bits_keep_their_logits_and_tokens_beyond_the_mask_are_masked() {
        let mut logits = vec![1.0; 100];
        apply(&[0b101, u32::MAX, 0], &mut logits);
        let kept: Vec<usize> = (0..100).filter(|&t| logits[t].is_finite()).collect();
        let expected: Vec<usize> = [0, 2].into_iter().chain(32..64).collect();
        assert_eq!(kept, expected);
    }

    #[test]
    fn a_mask_longer_than_the_logits_is_truncated() {
        let mut logits = vec![1.0; 3];
        apply(&[0b110, 0, 7], &mut logits);
        assert_eq!(logits, [f32::NEG_INFINITY, 1.0, 1.0]);
    }
}
