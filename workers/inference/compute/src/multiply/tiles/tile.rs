//! Multiplies a group of activations with panels of weights in blocks of 32, in tiles.

use std::arch::x86_64::*;

use super::digits::{GROUP, Group, TILE, tile_of};
use super::quants::{Quants, ROWS};
use super::{PanelBuffers, Run};
use crate::simd::amx;

/// How many products are in progress, so that a vector's load doesn't wait for the tile's store.
pub(super) const RING: usize = 8;
const LOOKAHEAD: usize = 5;

/// Adds a run to the sums of the group, which begin at line `sums` of each panel's buffer.
///
/// The tiles are `LOOKAHEAD` steps ahead of the vectors, from one panel to the next without a
/// pause.
///
/// # Safety
///
/// The tiles are configured. The buffers have the run's weights, and a line for each row of digits.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
pub(super) unsafe fn add_run<'a, Q: Quants>(
    group: &Group,
    (digits, columns): (*const i8, usize),
    run: Run,
    all_buffers: impl Iterator<Item = &'a PanelBuffers> + Clone,
    sums: usize,
) {
    let steps = run.width / Q::SCALE_RANGE;
    let ahead = LOOKAHEAD.min(steps);
    let mut sum = [_mm512_setzero_ps(); TILE];
    let mut before: Option<Pair<'_>> = None;
    let mut count = 0;
    for first in (0..group.height()).step_by(TILE) {
        let digits = digits.wrapping_add(first * columns + tile_of::<Q>(run.column));
        for buffers in all_buffers.clone() {
            let pair = Pair { group, first, run, digits, buffers };
            // SAFETY: guaranteed by the caller.
            unsafe {
                for step in 0..ahead {
                    pair.multiply::<Q>(step, count);
                    if count > 0 {
                        store(buffers, count - 1);
                    }
                    if let Some(before) = &before {
                        before.add::<Q>(steps - ahead + step, ahead, count, &mut sum);
                    }
                    count += 1;
                }
                if let Some(before) = before {
                    before.add_to_sums::<Q>(&mut sum, sums);
                }
                for step in ahead..steps {
                    pair.multiply::<Q>(step, count);
                    store(buffers, count - 1);
                    pair.add::<Q>(step - ahead, ahead, count, &mut sum);
                    count += 1;
                }
            }
            before = Some(pair);
        }
    }
    if let Some(last) = before {
        // SAFETY: guaranteed by the caller.
        unsafe {
            store(last.buffers, count - 1);
            for step in steps - ahead..steps {
                last.add::<Q>(step, ahead, count, &mut sum);
                count += 1;
            }
            last.add_to_sums::<Q>(&mut sum, sums);
        }
    }
}

/// A tile's digits, and the weights that they are multiplied with.
struct Pair<'a> {
    group: &'a Group,
    /// The first row of digits.
    first: usize,
    run: Run,
    digits: *const i8,
    buffers: &'a PanelBuffers,
}

/// Returns where the product with this number goes.
fn ring(buffers: &PanelBuffers, count: usize) -> *mut i32 {
    buffers.products.wrapping_add(count % RING * TILE * ROWS)
}

/// Stores the product with this number from its tile.
///
/// # Safety
///
/// It was multiplied, and no later product used the same tile.
#[inline(always)]
unsafe fn store(buffers: &PanelBuffers, count: usize) {
    unsafe { amx::store(count % 2 == 1, ring(buffers, count)) }
}

impl Pair<'_> {
    /// Starts the product with this number.
    #[inline(always)]
    unsafe fn multiply<Q: Quants>(&self, step: usize, count: usize) {
        let column = step * Q::SCALE_RANGE;
        let x = self.digits.wrapping_add(tile_of::<Q>(column));
        unsafe { amx::multiply(count % 2 == 1, x, self.buffers.weights.quants.add(column * ROWS)) }
    }

    /// Adds the product that is `ahead` numbers earlier.
    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn add<Q: Quants>(&self, step: usize, ahead: usize, count: usize, sum: &mut [__m512; TILE]) {
        let products = ring(self.buffers, count - ahead);
        unsafe {
            let scale = _mm512_load_ps(self.buffers.weights.scales.add(step * ROWS));
            for (row, sum) in sum.iter_mut().enumerate() {
                let product = _mm512_load_si512(products.add(row * ROWS).cast());
                *sum = _mm512_fmadd_ps(_mm512_cvtepi32_ps(product), scale, *sum);
            }
            // The highest digits have the sums of all digits.
            if Q::HAS_SHIFTS && self.first == 0 {
                let shift = _mm512_load_ps(self.buffers.weights.shifts.add(step * ROWS));
                let x: &[f32; GROUP] = &*self.group.sums.add(self.run.column / Q::SCALE_RANGE + step);
                for (sum, x) in sum.iter_mut().zip(x) {
                    *sum = _mm512_fmadd_ps(_mm512_set1_ps(*x), shift, *sum);
                }
            }
        }
    }

    /// Adds the run to the sums from line `sums` on, and clears it for the next run.
    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn add_to_sums<Q: Quants>(&self, sum: &mut [__m512; TILE], sums: usize) {
        let sums = self.buffers.sums.wrapping_add(sums * ROWS);
        unsafe { self.group.add_to_sums::<Q, _>(sum, self.first, self.run.column, sums) };
        *sum = [_mm512_setzero_ps(); TILE];
    }
}
