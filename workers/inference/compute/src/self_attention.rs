//! Self-attention over one whole text.

use super::math::{exp, fold, map};
use super::panels::{Panels, Rows, product};
use super::simd::{Isa, Simd, dispatch};

/// The buffers of attention, kept between calls.
#[derive(Debug, Default)]
pub struct Attention {
    keys: Panels,
    values: Panels,
    scores: Vec<f32>,
}

/// Computes `softmax(Q Kᵀ / √d) V` for each head. `qkv` has a row per token with its queries, keys
/// and values, all heads of each side by side. `out` gets a row per token with all heads side by
/// side.
///
/// # Panics
///
/// Panics if the lengths don't match.
pub fn attend_all(
    isa: Isa,
    qkv: &[f32],
    heads: usize,
    hidden: usize,
    memory: &mut Attention,
    out: &mut [f32],
) {
    assert!(out.len().is_multiple_of(hidden) && qkv.len() == 3 * out.len() && hidden.is_multiple_of(heads));
    let width = hidden / heads;
    let tokens = out.len() / hidden;
    let out = out.as_mut_ptr();
    dispatch!(isa, all_heads(qkv: &[f32], tokens: usize, heads: usize, width: usize, memory: &mut Attention, out: *mut f32));
}

/// # Safety
///
/// `qkv` has `tokens` rows of three times `heads * width`, and `out` of `heads * width`.
#[inline(always)]
unsafe fn all_heads<S: Simd>(
    qkv: &[f32],
    tokens: usize,
    heads: usize,
    width: usize,
    memory: &mut Attention,
    out: *mut f32,
) {
    let Attention { keys, values, scores } = memory;
    let hidden = heads * width;
    let at = |token: usize, part: usize, head: usize| token * 3 * hidden + part * hidden + head * width;
    scores.resize(tokens * tokens, 0.0);
    for head in 0..heads {
        keys.pack(width, tokens, |token, dimension| qkv[at(token, 1, head) + dimension]);
        values.pack(tokens, width, |dimension, token| qkv[at(token, 2, head) + dimension]);
        // SAFETY: the queries are rows of `qkv`, the scores are tokens², and each head has its own
        // columns of `out`.
        unsafe {
            let queries = Rows { first: qkv.as_ptr().add(at(0, 0, head)), stride: 3 * hidden };
            product::<S>(tokens, queries, keys, &[], scores.as_mut_ptr(), tokens);
            for row in scores.chunks_exact_mut(tokens) {
                softmax::<S>(row, 1.0 / (width as f32).sqrt());
            }
            let weights = Rows { first: scores.as_ptr(), stride: tokens };
            product::<S>(tokens, weights, values, &[], out.add(head * width), hidden);
        }
    }
}

/// Scales the scores and turns them into weights that sum to one.
#[inline(always)]
unsafe fn softmax<S: Simd>(scores: &mut [f32], scale: f32) {
    unsafe {
        let scale = S::splat(scale);
        let most = S::splat(fold!(S, scores, f32::NEG_INFINITY, |a, b| a.max(b)).largest());
        map!(S, scores, |score| exp(score.sub(most).mul(scale)));
        let share = S::splat(1.0 / fold!(S, scores, 0.0, |a, b| a.add(b)).sum());
        map!(S, scores, |weight| weight.mul(share));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attention_equals_a_plain_implementation() {
        let (heads, width) = (3, 16);
        let hidden = heads * width;
        for tokens in [1, 2, 17, 50] {
            let qkv: Vec<f32> =
                (0..tokens * 3 * hidden).map(|n| ((n * 7919) % 1009) as f32 / 300.0 - 1.5).collect();
            let part = |token: usize, part: usize, head: usize| {
                let at = token * 3 * hidden + part * hidden + head * width;
                &qkv[at..at + width]
            };
            let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
            for isa in Isa::available() {
                let mut out = vec![f32::NAN; tokens * hidden];
                attend_all(isa, &qkv, heads, hidden, &mut Attention::default(), &mut out);
                for token in 0..tokens {
                    for head in 0..heads {
                        let weights: Vec<f32> = (0..tokens)
                            .map(|other| (dot(part(token, 0, head), part(other, 1, head)) / 4.0).exp())
                            .collect();
                        let sum: f32 = weights.iter().sum();
                        for dimension in 0..width {
                            let exact: f32 =
                                (0..tokens).map(|o| weights[o] / sum * part(o, 2, head)[dimension]).sum();
                            let found = out[token * hidden + head * width + dimension];
                            assert!((found - exact).abs() < 1e-4, "{isa:?} {tokens} {found} {exact}");
                        }
                    }
                }
            }
        }
    }
}
