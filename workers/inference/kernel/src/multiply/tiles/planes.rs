//! Groups of activations by sixteens of the weights' rows in blocks of 256 whose quants are two planes, in tiles.

use std::arch::x86_64::*;

use super::Bench;
use super::digits::{Digits, GROUP, Group, SUMS, TILE, tile_of};
use super::groups::Groups;
use super::quants::{Quants, ROWS};
use crate::simd::amx;

/// Products of a strip: those of the high plane, then those of the low one.
const PRODUCTS: usize = 2 * TILE * ROWS;

/// Adds the block at `column` to the sums of all groups.
///
/// # Safety
/// There are tiles in shape; the benches have the block's planes, and all sums.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
pub(super) unsafe fn add_run<'a, Q: Quants>(
    x: &Groups,
    column: usize,
    benches: impl Iterator<Item = &'a Bench> + Clone,
) {
    let mut count = 0;
    let mut before: Option<(Strip, &Bench)> = None;
    for number in 0..x.len() {
        for bench in benches.clone() {
            for strip in Strip::all::<Q>(x, number, column) {
                // SAFETY: as the caller says.
                unsafe {
                    amx::multiply_planes(count % 2 == 1, strip.digits, bench.planes);
                    if let Some((strip, bench)) = before {
                        amx::store_planes(count % 2 == 0, products(bench, count - 1));
                        strip.add::<Q>(column, bench, products(bench, count - 1));
                    }
                }
                before = Some((strip, bench));
                count += 1;
            }
        }
    }
    if let Some((strip, bench)) = before {
        // SAFETY: as the caller says.
        unsafe {
            amx::store_planes(count % 2 == 0, products(bench, count - 1));
            strip.add::<Q>(column, bench, products(bench, count - 1));
        }
    }
}

/// Where the `count`th products go.
fn products(bench: &Bench, count: usize) -> *mut i32 {
    bench.products.wrapping_add(count % 2 * PRODUCTS)
}

/// Sixteen rows of digits.
#[derive(Clone, Copy)]
struct Strip {
    group: Group,
    /// The first of the group's rows of digits.
    first: usize,
    digits: *const i8,
    /// The group's first line of the benches' sums.
    sums: usize,
}

impl Strip {
    /// Those of a group, at the block at `column`.
    fn all<Q: Quants>(x: &Groups, number: usize, column: usize) -> impl Iterator<Item = Self> {
        let group = x.group(number);
        (0..group.height()).step_by(TILE).filter_map(move |first| match group.digits {
            Digits::Tiles { digits, columns } => {
                let digits = digits.wrapping_add(first * columns + tile_of::<Q>(column)).cast_const();
                Some(Self { group, first, digits, sums: number * SUMS })
            }
            Digits::Rows { .. } => None,
        })
    }

    /// Adds products.
    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn add<Q: Quants>(&self, column: usize, bench: &Bench, products: *const i32) {
        unsafe {
            let line = |row: usize| _mm512_load_si512(products.add(row * ROWS).cast());
            let scale = _mm512_load_ps(bench.weights.scales);
            let mut block = [_mm512_setzero_ps(); TILE];
            for (row, block) in block.iter_mut().enumerate() {
                let product = _mm512_add_epi32(_mm512_slli_epi32::<8>(line(row)), line(TILE + row));
                *block = _mm512_mul_ps(_mm512_cvtepi32_ps(product), scale);
            }
            // The highest digits have the sums of all.
            if Q::SHIFTED && self.first == 0 {
                for share in 0..Q::VALUES / Q::SHARE {
                    let shift = _mm512_load_ps(bench.weights.shifts.add(share * ROWS));
                    let x: &[f32; GROUP] = &*self.group.sums.add(column / Q::SHARE + share);
                    for (block, x) in block.iter_mut().zip(x) {
                        *block = _mm512_fmadd_ps(_mm512_set1_ps(*x), shift, *block);
                    }
                }
            }
            self.group.settle::<Q, _>(&block, self.first, column, bench.sums.add(self.sums * ROWS));
        }
    }
}
