//! Layer normalisation.

use super::simd::{Isa, Simd, dispatch};

/// Adds `more` to `values`, normalises each row of the sum to mean 0 and variance 1, and then
/// scales and shifts it.
///
/// # Panics
///
/// Panics if the lengths don't match, or if a row is not a whole number of vectors.
pub fn add_norm(isa: Isa, values: &mut [f32], more: &[f32], scale: &[f32], shift: &[f32], epsilon: f32) {
    assert!(values.len() == more.len() && scale.len() == shift.len() && scale.len().is_multiple_of(16));
    dispatch!(isa, rows(values: &mut [f32], more: &[f32], scale: &[f32], shift: &[f32], epsilon: f32));
}

#[inline(always)]
unsafe fn rows<S: Simd>(values: &mut [f32], more: &[f32], scale: &[f32], shift: &[f32], epsilon: f32) {
    let width = scale.len();
    for (row, more) in values.chunks_exact_mut(width).zip(more.chunks_exact(width)) {
        let vectors = || (0..width).step_by(S::LANES);
        let (row, more) = (row.as_mut_ptr(), more.as_ptr());
        // SAFETY: `at` and the lanes after it are inside the row, because the row's width is a
        // multiple of sixteen.
        unsafe {
            let mut sum = S::splat(0.0);
            for at in vectors() {
                let value = S::load(row.add(at)).add(S::load(more.add(at)));
                value.store(row.add(at));
                sum = sum.add(value);
            }
            let mean = S::splat(sum.sum() / width as f32);
            let mut squares = S::splat(0.0);
            for at in vectors() {
                let off = S::load(row.add(at)).sub(mean);
                squares = off.mul_add(off, squares);
            }
            let by = S::splat(1.0 / (squares.sum() / width as f32 + epsilon).sqrt());
            for at in vectors() {
                let off = S::load(row.add(at)).sub(mean).mul(by);
                off.mul_add(S::load(scale.as_ptr().add(at)), S::load(shift.as_ptr().add(at)))
                    .store(row.add(at));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_gets_mean_zero_and_variance_one() {
        for isa in Isa::available() {
            let mut values: Vec<f32> = (0..96).map(|n| (n * n % 31) as f32).collect();
            let more = vec![2.0; 96];
            add_norm(isa, &mut values, &more, &[1.0; 48], &[0.0; 48], 1e-12);
            for row in values.chunks(48) {
                let mean = row.iter().sum::<f32>() / 48.0;
                let variance = row.iter().map(|x| x * x).sum::<f32>() / 48.0;
                assert!(mean.abs() < 1e-6 && (variance - 1.0).abs() < 1e-5, "{isa:?}: {mean} {variance}");
            }
        }
    }
}
