//! A group of activations by sixteens of the weights' rows in blocks of 32, in tiles.

use std::arch::x86_64::*;

use super::digits::{GROUP, Group, TILE, tile_of};
use super::quants::{Quants, ROWS};
use super::{Bench, Run};
use crate::simd::amx;

/// Products on their way: so many that a vector's load doesn't wait for the tile's store.
pub(super) const RING: usize = 8;
const AHEAD: usize = 5;

/// Adds a run to the sums of the group, which begin at line `sums` of each bench.
///
/// The tiles go `AHEAD` steps before the vectors, from one bench to the next without a pause.
///
/// # Safety
/// There are tiles in shape; the benches have the run's weights, and a line for each row of digits.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
pub(super) unsafe fn add_run<'a, Q: Quants>(
    group: &Group,
    (digits, columns): (*const i8, usize),
    run: Run,
    benches: impl Iterator<Item = &'a Bench> + Clone,
    sums: usize,
) {
    let steps = run.width / Q::SHARE;
    let ahead = AHEAD.min(steps);
    let mut sum = [_mm512_setzero_ps(); TILE];
    let mut before: Option<Pair<'_>> = None;
    let mut count = 0;
    for first in (0..group.height()).step_by(TILE) {
        let digits = digits.wrapping_add(first * columns + tile_of::<Q>(run.column));
        for bench in benches.clone() {
            let pair = Pair { group, first, run, digits, bench };
            // SAFETY: as the caller says.
            unsafe {
                for step in 0..ahead {
                    pair.multiply::<Q>(step, count);
                    if count > 0 {
                        store(bench, count - 1);
                    }
                    if let Some(before) = &before {
                        before.add::<Q>(steps - ahead + step, ahead, count, &mut sum);
                    }
                    count += 1;
                }
                if let Some(before) = before {
                    before.settle::<Q>(&mut sum, sums);
                }
                for step in ahead..steps {
                    pair.multiply::<Q>(step, count);
                    store(bench, count - 1);
                    pair.add::<Q>(step - ahead, ahead, count, &mut sum);
                    count += 1;
                }
            }
            before = Some(pair);
        }
    }
    if let Some(last) = before {
        // SAFETY: as the caller says.
        unsafe {
            store(last.bench, count - 1);
            for step in steps - ahead..steps {
                last.add::<Q>(step, ahead, count, &mut sum);
                count += 1;
            }
            last.settle::<Q>(&mut sum, sums);
        }
    }
}

/// A tile's digits and the weights that they meet.
struct Pair<'a> {
    group: &'a Group,
    /// The first row of digits.
    first: usize,
    run: Run,
    digits: *const i8,
    bench: &'a Bench,
}

/// Where the `count`th product goes.
fn ring(bench: &Bench, count: usize) -> *mut i32 {
    bench.products.wrapping_add(count % RING * TILE * ROWS)
}

/// Takes the `count`th product out of its tile.
///
/// # Safety
/// It has been multiplied, and no later one of the same tile.
#[inline(always)]
unsafe fn store(bench: &Bench, count: usize) {
    unsafe { amx::store(count % 2 == 1, ring(bench, count)) }
}

impl Pair<'_> {
    /// Begins the `count`th product.
    #[inline(always)]
    unsafe fn multiply<Q: Quants>(&self, step: usize, count: usize) {
        let column = step * Q::SHARE;
        let x = self.digits.wrapping_add(tile_of::<Q>(column));
        unsafe { amx::multiply(count % 2 == 1, x, self.bench.weights.quants.add(column * ROWS)) }
    }

    /// Adds the product of `ahead` counts before.
    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn add<Q: Quants>(&self, step: usize, ahead: usize, count: usize, sum: &mut [__m512; TILE]) {
        let products = ring(self.bench, count - ahead);
        unsafe {
            let scale = _mm512_load_ps(self.bench.weights.scales.add(step * ROWS));
            for (row, sum) in sum.iter_mut().enumerate() {
                let product = _mm512_load_si512(products.add(row * ROWS).cast());
                *sum = _mm512_fmadd_ps(_mm512_cvtepi32_ps(product), scale, *sum);
            }
            // The highest digits have the sums of all.
            if Q::SHIFTED && self.first == 0 {
                let shift = _mm512_load_ps(self.bench.weights.shifts.add(step * ROWS));
                let x: &[f32; GROUP] = &*self.group.sums.add(self.run.column / Q::SHARE + step);
                for (sum, x) in sum.iter_mut().zip(x) {
                    *sum = _mm512_fmadd_ps(_mm512_set1_ps(*x), shift, *sum);
                }
            }
        }
    }

    /// Adds the run to the sums from line `sums` on, for the next to begin.
    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn settle<Q: Quants>(&self, sum: &mut [__m512; TILE], sums: usize) {
        let sums = self.bench.sums.wrapping_add(sums * ROWS);
        unsafe { self.group.settle::<Q, _>(sum, self.first, self.run.column, sums) };
        *sum = [_mm512_setzero_ps(); TILE];
    }
}
