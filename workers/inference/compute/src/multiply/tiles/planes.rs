//! Multiplies groups of activations with panels of weights in blocks of 256, whose quants are two
//! planes, in tiles.

use std::arch::x86_64::*;

use super::PanelBuffers;
use super::digits::{DIGITS, Digits, GROUP, Group, SUMS, TILE, planes_together, tile_of};
use super::groups::Groups;
use super::quants::{Quants, ROWS};
use super::tile::RING;
use crate::simd::amx;

/// The products of a group and a panel: four tiles, each of which counts 256 times the next.
const PRODUCTS: usize = (DIGITS + 1) * TILE * ROWS;
const _: () = assert!(2 * PRODUCTS <= RING * TILE * ROWS);

/// Adds the block at `column` to the sums of all groups. The vectors lag the tiles by a group and a
/// panel, and process a few rows for each tile's columns.
///
/// # Safety
///
/// The tiles are configured. The buffers have the block's planes and all sums.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
pub(super) unsafe fn add_run<'a, Q: Quants>(
    x: &Groups,
    column: usize,
    all_buffers: impl Iterator<Item = &'a PanelBuffers> + Clone,
) {
    let steps = Q::VALUES / Q::DEPTH;
    let mut before: Option<Pair<'_>> = None;
    let mut count = 0;
    for number in 0..x.len() {
        let group = x.group(number);
        let Digits::Tiles { digits, columns } = group.digits else { return };
        let digits = digits.wrapping_add(tile_of::<Q>(column)).cast_const();
        for buffers in all_buffers.clone() {
            let products = buffers.products.wrapping_add(count % 2 * PRODUCTS);
            // SAFETY: guaranteed by the caller.
            unsafe {
                amx::begin_planes();
                for step in 0..steps {
                    let digits = digits.wrapping_add(tile_of::<Q>(step * Q::DEPTH));
                    let planes = buffers.planes.wrapping_add(2 * step * Q::DEPTH * ROWS);
                    amx::add_planes(digits, TILE * columns, planes);
                    if let Some(before) = &before {
                        before.add::<Q>(column, step * GROUP / steps, (step + 1) * GROUP / steps);
                    }
                }
                amx::store_planes(products);
            }
            before = Some(Pair { group, buffers, products, sums: number * SUMS });
            count += 1;
        }
    }
    if let Some(before) = before {
        // SAFETY: guaranteed by the caller.
        unsafe { before.add::<Q>(column, 0, GROUP) };
    }
}

/// A group, and the panel that it was multiplied with.
struct Pair<'a> {
    group: Group,
    buffers: &'a PanelBuffers,
    products: *const i32,
    /// The group's first line in the buffer's sums.
    sums: usize,
}

impl Pair<'_> {
    /// Adds the products of the rows from `first` on.
    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn add<Q: Quants>(&self, column: usize, first: usize, end: usize) {
        let sums = self.buffers.sums.wrapping_add(self.sums * ROWS);
        unsafe {
            let scale = _mm512_load_ps(self.buffers.weights.scales);
            for row in first..end.min(self.group.rows) {
                let products = std::array::from_fn(|tile| {
                    _mm512_load_si512(self.products.add((tile * TILE + row) * ROWS).cast())
                });
                let block = _mm512_mul_ps(planes_together(products), scale);
                let block = self.group.shifted::<Q>(block, row, column, self.buffers.weights.shifts);
                self.group.add_row_to_sums::<Q>(block, row, column, sums);
            }
        }
    }
}
