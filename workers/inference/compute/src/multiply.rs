//! The product of activations with a stored matrix.
//!
//! A row of activations gets bitwise identical results alone, in any batch and on any number of
//! threads. An element of the product is always computed in the same way, however the work is
//! divided. The way depends only on the processor and the format.
//!
//! With matrix tiles, quantised weights stay integers (see [`tiles`]). Otherwise an element has one
//! accumulator of sixteen lanes, which adds up the columns in order, and one final sum over the
//! lanes. A single row is multiplied with weights that are widened in registers ([`dot`]). Several
//! rows are multiplied with a part of the weights that is widened into the first-level cache
//! ([`tile`]).

mod activations;
mod dot;
mod tile;
#[cfg(target_arch = "x86_64")]
mod tiles;

use activations::Activations;

use crate::matrix::Matrix;
use crate::threads::Threads;

/// Computes `y = x wᵀ`. `x` has rows of `w.columns()` values, and `y` as many rows of `w.rows()`.
///
/// # Panics
///
/// Panics if the lengths don't match.
pub fn multiply(threads: &Threads, x: &[f32], w: &Matrix, y: &mut [f32]) {
    if y.is_empty() && (x.is_empty() || w.rows() == 0) {
        return;
    }
    let rows = y.len() / w.rows().max(1);
    assert!(
        y.len() == rows * w.rows() && x.len() == rows * w.columns(),
        "{} values times {w:?} do not give {} values",
        x.len(),
        y.len()
    );
    if w.columns() == 0 {
        return y.fill(0.0);
    }
    let out = OutputPtr { first: y.as_mut_ptr(), stride: w.rows() };
    #[cfg(target_arch = "x86_64")]
    if threads.isa().set() == crate::simd::InstructionSet::Amx && tiles::takes(w) {
        // SAFETY: this instruction set is only chosen on processors with tiles.
        return unsafe { tiles::run(threads, x, rows, w, out) };
    }
    Activations::with(x, rows, w.columns(), |x| match rows {
        1 => dot::run(threads, x, w, out),
        _ => tile::run(threads, x, w, out),
    });
}

/// The output for all threads.
#[derive(Clone, Copy)]
struct OutputPtr {
    first: *mut f32,
    stride: usize,
}

// SAFETY: each thread writes the columns of its own rows of weights, and nothing is read before all
// threads are done.
unsafe impl Send for OutputPtr {}
// SAFETY: as above.
unsafe impl Sync for OutputPtr {}
