//! Normalisation by the root of the mean square (Zhang and Sennrich, 2019).

use crate::simd::{Isa, Simd, Unpack, dispatch};

/// Divides each row of `x` by the root of its mean square plus `epsilon`, multiplies it with
/// `scale`, and writes it to `out`. A row is as wide as `scale`.
///
/// # Panics
///
/// Panics if the lengths don't match.
pub fn rms_norm(isa: Isa, x: &[f32], scale: &[f32], epsilon: f32, out: &mut [f32]) {
    let fits = x.len() == out.len() && !scale.is_empty() && x.len().is_multiple_of(scale.len());
    assert!(fits, "rows of {} in {} and {}", scale.len(), x.len(), out.len());
    dispatch!(isa, all_rows(x: &[f32], scale: &[f32], epsilon: f32, out: &mut [f32]));
}

#[inline(always)]
unsafe fn all_rows<S: Unpack>(x: &[f32], scale: &[f32], epsilon: f32, out: &mut [f32]) {
    for (x, out) in x.chunks_exact(scale.len()).zip(out.chunks_exact_mut(scale.len())) {
        // SAFETY: all three have the same length.
        unsafe { one_row::<S::Wide>(x, scale, epsilon, out) }
    }
}

#[inline(always)]
unsafe fn one_row<S: Simd>(x: &[f32], scale: &[f32], epsilon: f32, out: &mut [f32]) {
    let width = x.len();
    let whole = width - width % S::LANES;
    let (from, to, scales) = (x.as_ptr(), out.as_mut_ptr(), scale.as_ptr());
    // SAFETY: every vector begins a whole number of vectors into the row and ends before `whole`.
    unsafe {
        let mut squares = S::splat(0.0);
        for at in (0..whole).step_by(S::LANES) {
            let x = S::load(from.add(at));
            squares = x.mul_add(x, squares);
        }
        let rest: f32 = x[whole..].iter().map(|x| x * x).sum();
        let by = 1.0 / ((squares.sum() + rest) / width as f32 + epsilon).sqrt();
        for at in (0..whole).step_by(S::LANES) {
            let x = S::load(from.add(at)).mul(S::splat(by));
            x.mul(S::load(scales.add(at))).store(to.add(at));
        }
        for at in whole..width {
            out[at] = x[at] * by * scale[at];
        }
    }
}
