//! A few rows of activations by sixteen rows of weights, as vectors: no tile has to be filled.
//!
//! The same whole numbers as a tile's, so the same result to the bit.

use std::arch::x86_64::*;

use super::digits::{BLOCK, DIGITS, GROUP, Group, UNSIGNED, together};
use super::quants::{Quants, Unpacked};
use super::{Bench, Run, Sixteen};
use crate::simd::LINE;

/// Rows that are multiplied so.
pub(super) const FEW: usize = 4;

/// All rows of digits that meet a run of sixteen rows of weights.
pub(super) struct Few<'a> {
    pub(super) group: &'a Group,
    pub(super) digits: *const [i8; BLOCK],
    pub(super) totals: *const [i32; DIGITS * GROUP],
    pub(super) sixteen: Sixteen,
    pub(super) run: Run,
    pub(super) bench: &'a Bench,
}

impl Few<'_> {
    /// Adds the run to the sums of the `HEIGHT` rows.
    ///
    /// # Safety
    /// The bench has room for a run, and a line for each row of digits.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    pub(super) unsafe fn add_run<Q: Quants, const HEIGHT: usize>(&self) {
        let Run { column, width } = self.run;
        unsafe {
            if Q::WHOLES {
                self.sixteen.unpack::<Q>(column, self.bench.weights);
                return self.add_wholes::<Q, HEIGHT>(column);
            }
            let mut sum = [_mm512_setzero_ps(); HEIGHT];
            for at in (0..width).step_by(Q::VALUES) {
                // Block by block, so that memory is asked for all the time.
                self.sixteen.unpack::<Q>(column + at, self.bench.weights);
                self.add_block::<Q, HEIGHT>(column + at, &mut sum);
            }
            self.group.settle::<Q, _>(&sum, 0, column, self.bench.sums);
        }
    }

    /// Adds the block at `column`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    unsafe fn add_block<Q: Quants, const HEIGHT: usize>(&self, column: usize, sum: &mut [__m512; HEIGHT]) {
        unsafe {
            let block = self.products::<Q, HEIGHT>(column, self.bench.weights);
            let scale = _mm512_load_ps(self.bench.weights.scales);
            for (sum, block) in sum.iter_mut().zip(block) {
                *sum = _mm512_fmadd_ps(_mm512_cvtepi32_ps(block), scale, *sum);
            }
            if Q::SHIFTED {
                let shift = _mm512_load_ps(self.bench.weights.shifts);
                let x = &*self.group.sums.add(column / Q::SHARE);
                for (sum, x) in sum[..HEIGHT / DIGITS].iter_mut().zip(x) {
                    *sum = _mm512_fmadd_ps(_mm512_set1_ps(*x), shift, *sum);
                }
            }
        }
    }

    /// Adds the block at `column`, which is a run, with all digits together.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    unsafe fn add_wholes<Q: Quants, const HEIGHT: usize>(&self, column: usize) {
        unsafe {
            let mut block = [_mm512_setzero_si512(); HEIGHT];
            for part in (0..Q::VALUES).step_by(Q::SHARE) {
                let weights = self.bench.weights.after::<Q>(part);
                let products = self.products::<Q, HEIGHT>(column + part, weights);
                let whole = _mm512_load_si512(weights.wholes.cast());
                for (block, product) in block.iter_mut().zip(products) {
                    *block = _mm512_add_epi32(*block, _mm512_mullo_epi32(product, whole));
                }
            }
            let scale = _mm512_load_ps(self.bench.weights.scales);
            let rows = HEIGHT / DIGITS;
            for row in 0..rows {
                let digits = std::array::from_fn(|digit| block[digit * rows + row]);
                let block = _mm512_mul_ps(together(digits), scale);
                let block = self.group.shifted::<Q>(block, row, column, self.bench.weights.shifts);
                self.group.settle_row::<Q>(block, row, column, self.bench.sums);
            }
        }
    }

    /// What the columns that share a scale, from `column` on, come to.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    unsafe fn products<Q: Quants, const HEIGHT: usize>(
        &self,
        column: usize,
        weights: Unpacked,
    ) -> [__m512i; HEIGHT] {
        // The instruction takes one side without sign. What that adds, the totals take away.
        let flip = _mm512_set1_epi8(UNSIGNED as u8 as i8);
        let mut products = [_mm512_setzero_si512(); HEIGHT];
        unsafe {
            for (product, total) in products.iter_mut().zip(&*self.totals.add(column / Q::SHARE)) {
                *product = _mm512_set1_epi32(*total);
            }
            let x = self.digits.add(column / BLOCK * HEIGHT).cast::<i32>().add(column % BLOCK / 4);
            for line in 0..Q::SHARE / 4 {
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
