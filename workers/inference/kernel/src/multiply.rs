//! The product of activations with a stored matrix.

use crate::matrix::Matrix;
use crate::threads::Threads;

/// `y = x wᵀ`: `x` has rows of `w.columns()`, `y` as many rows of `w.rows()`.
///
/// # Panics
/// If the lengths don't fit.
pub fn multiply(threads: &Threads, x: &[f32], w: &Matrix, y: &mut [f32]) {
    let _ = threads;
    let rows = x.len() / w.columns().max(1);
    assert!(x.len() == rows * w.columns() && y.len() == rows * w.rows(), "the lengths don't fit {w:?}");
    if y.is_empty() || w.columns() == 0 {
        return;
    }
    let mut weights = vec![0.0; w.columns()];
    for n in 0..w.rows() {
        w.row(n, &mut weights);
        for (m, x) in x.chunks_exact(w.columns()).enumerate() {
            y[m * w.rows() + n] = x.iter().zip(&weights).map(|(x, w)| x * w).sum();
        }
    }
}
