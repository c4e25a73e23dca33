//! Normalisation by the root of the mean square.

/// Each row of `x`, as wide as `scale`, divided by the root of its mean square and `epsilon`, times `scale`, into `out`.
///
/// # Panics
/// If the lengths don't fit.
pub fn rms_norm(isa: crate::Isa, x: &[f32], scale: &[f32], epsilon: f32, out: &mut [f32]) {
    let _ = isa;
    let width = scale.len();
    assert!(x.len() == out.len() && x.len().is_multiple_of(width), "rows of {width} in {}", x.len());
    for (x, out) in x.chunks_exact(width).zip(out.chunks_exact_mut(width)) {
        let squares: f32 = x.iter().map(|x| x * x).sum();
        let by = 1.0 / (squares / width as f32 + epsilon).sqrt();
        for ((out, x), scale) in out.iter_mut().zip(x).zip(scale) {
            *out = x * by * scale;
        }
    }
}
