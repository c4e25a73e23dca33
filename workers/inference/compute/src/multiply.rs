//! The product of activations with a stored matrix.
//!
//! A row of activations gets the same result to the bit alone, in any batch and on any number of threads, because an
//! element of the product is always computed in one way, however the work is cut. Which way depends on the processor
//! and the format alone.
//!
//! Where there are matrix tiles, quantised weights stay whole numbers: see [`tiles`]. Otherwise an element is one
//! accumulator of sixteen lanes that walks over the columns, in order, and one sum over its lanes. A single row meets the
//! weights in registers, where they are widened ([`dot`]); of several, all meet a piece of the weights that is widened
//! into the first cache ([`tile`]).

mod activations;
mod dot;
mod tile;
#[cfg(target_arch = "x86_64")]
mod tiles;

use activations::Activations;

use crate::matrix::Matrix;
use crate::threads::Threads;

/// `y = x wᵀ`: `x` has rows of `w.columns()`, `y` as many rows of `w.rows()`.
///
/// # Panics
/// If the lengths don't fit.
pub fn multiply(threads: &Threads, x: &[f32], w: &Matrix, y: &mut [f32]) {
    if y.is_empty() && (x.is_empty() || w.rows() == 0) {
        return;
    }
    let rows = y.len() / w.rows().max(1);
    assert!(
        y.len() == rows * w.rows() && x.len() == rows * w.columns(),
        "{} values times {w:?} don't make {}",
        x.len(),
        y.len()
    );
    if w.columns() == 0 {
        return y.fill(0.0);
    }
    let out = Out { first: y.as_mut_ptr(), stride: w.rows() };
    #[cfg(target_arch = "x86_64")]
    if threads.isa().set() == crate::simd::Set::Amx && tiles::takes(w) {
        // SAFETY: there is no such set where there are no tiles.
        return unsafe { tiles::run(threads, x, rows, w, out) };
    }
    Activations::with(x, rows, w.columns(), |x| match rows {
        1 => dot::run(threads, x, w, out),
        _ => tile::run(threads, x, w, out),
    });
}

/// Where the products go, for all threads.
#[derive(Clone, Copy)]
struct Out {
    first: *mut f32,
    stride: usize,
}

// SAFETY: each thread writes the columns of the weights' rows it took, and nobody reads before all are done.
unsafe impl Send for Out {}
// SAFETY: as above.
unsafe impl Sync for Out {}
