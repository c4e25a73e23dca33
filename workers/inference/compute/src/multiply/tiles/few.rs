//! Multiplies a few rows of activations with sixteen rows of weights as vectors, so that no tile
//! has to be filled.
//!
//! The integers are those of a tile, so the result is bitwise identical.

use std::arch::x86_64::*;

use super::digits::{BLOCK, DIGITS, GROUP, Group, SIGN_OFFSET, together};
use super::quants::{Quants, Unpacked};
use super::{PanelBuffers, RowPanel, Run};
use crate::simd::LINE;

/// The maximum number of rows that are multiplied with vectors.
pub(super) const MAX_FEW_ROWS: usize = 4;

/// The rows of digits that are multiplied with a run of sixteen weight rows.
pub(super) struct FewRows<'a> {
    pub(super) group: &'a Group,
    pub(super) digits: *const [i8; BLOCK],
    pub(super) totals: *const [i32; DIGITS * GROUP],
    pub(super) row_panel: RowPanel,
    pub(super) run: Run,
    pub(super) buffers: &'a PanelBuffers,
}

impl FewRows<'_> {
    /// Adds the run to the sums of the `HEIGHT` rows.
    ///
    /// # Safety
    ///
    /// The buffers have room for a run, and a line for each row of digits.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    pub(super) unsafe fn add_run<Q: Quants, const HEIGHT: usize>(&self) {
        let Run { column, width } = self.run;
        unsafe {
            if Q::HAS_INT_SCALES {
                self.row_panel.unpack::<Q>(column, self.buffers.weights);
                return self.add_wholes::<Q, HEIGHT>(column);
            }
            let mut sum = [_mm512_setzero_ps(); HEIGHT];
            for at in (0..width).step_by(Q::VALUES) {
                // Unpacks block by block, so that memory is read all the time.
                self.row_panel.unpack::<Q>(column + at, self.buffers.weights);
                self.add_block::<Q, HEIGHT>(column + at, &mut sum);
            }
            self.group.add_to_sums::<Q, _>(&sum, 0, column, self.buffers.sums);
        }
    }

    /// Adds the block at `column`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    unsafe fn add_block<Q: Quants, const HEIGHT: usize>(&self, column: usize, sum: &mut [__m512; HEIGHT]) {
        unsafe {
            let block = self.products::<Q, HEIGHT>(column, self.buffers.weights);
            let scale = _mm512_load_ps(self.buffers.weights.scales);
            for (sum, block) in sum.iter_mut().zip(block) {
                *sum = _mm512_fmadd_ps(_mm512_cvtepi32_ps(block), scale, *sum);
            }
            if Q::HAS_SHIFTS {
                let shift = _mm512_load_ps(self.buffers.weights.shifts);
                let x = &*self.group.sums.add(column / Q::SCALE_RANGE);
                for (sum, x) in sum[..HEIGHT / DIGITS].iter_mut().zip(x) {
                    *sum = _mm512_fmadd_ps(_mm512_set1_ps(*x), shift, *sum);
                }
            }
        }
    }

    /// Adds the block at `column`, which is a run, with all digits combined.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    unsafe fn add_wholes<Q: Quants, const HEIGHT: usize>(&self, column: usize) {
        unsafe {
            let mut block = [_mm512_setzero_si512(); HEIGHT];
            for part in (0..Q::VALUES).step_by(Q::SCALE_RANGE) {
                let weights = self.buffers.weights.after::<Q>(part);
                let products = self.products::<Q, HEIGHT>(column + part, weights);
                let whole = _mm512_load_si512(weights.wholes.cast());
                for (block, product) in block.iter_mut().zip(products) {
                    *block = _mm512_add_epi32(*block, _mm512_mullo_epi32(product, whole));
                }
            }
            let scale = _mm512_load_ps(self.buffers.weights.scales);
            let rows = HEIGHT / DIGITS;
            for row in 0..rows {
                let digits = std::array::from_fn(|digit| block[digit * rows + row]);
                let block = _mm512_mul_ps(together(digits), scale);
                let block = self.group.shifted::<Q>(block, row, column, self.buffers.weights.shifts);
                self.group.add_row_to_sums::<Q>(block, row, column, self.buffers.sums);
            }
        }
    }

    /// Returns the products of the columns from `column` on that share a scale.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    unsafe fn products<Q: Quants, const HEIGHT: usize>(
        &self,
        column: usize,
        weights: Unpacked,
    ) -> [__m512i; HEIGHT] {
        // The instruction needs one unsigned operand. The totals subtract what the offset adds.
        let flip = _mm512_set1_epi8(SIGN_OFFSET as u8 as i8);
        let mut products = [_mm512_setzero_si512(); HEIGHT];
        unsafe {
            for (product, total) in products.iter_mut().zip(&*self.totals.add(column / Q::SCALE_RANGE)) {
                *product = _mm512_set1_epi32(*total);
            }
            let x = self.digits.add(column / BLOCK * HEIGHT).cast::<i32>().add(column % BLOCK / 4);
            for line in 0..Q::SCALE_RANGE / 4 {
                let quants = _mm512_load_si512(weights.quants.add(line * LINE).cast());
                let quants = _mm512_xor_si512(quants, flip);
                for (row, product) in products.iter_mut().enumerate() {
                    let x = _mm512_set1_epi32(*x.add(row * BLOCK / 4 + line));
                    *product = _mm512_dpbusd_epi32(*product, quants, x);
                }
            }
        }
        products
    }
}
