//! Activations as integers of three 8-bit digits, times a scale that a run of columns shares.
//!
//! This keeps 23 bits relative to the run's largest value. Each float has 24 bits of its own.

use std::arch::x86_64::*;

use super::quants::{Quants, ROWS};

/// Rows of activations in a group.
pub(super) const GROUP: usize = 16;
pub(super) const DIGITS: usize = 3;
/// Rows of digits in a tile.
pub(super) const TILE: usize = 16;
/// Columns whose digits lie together if there are few rows.
pub(super) const BLOCK: usize = 32;
/// The offset that makes a quant unsigned.
pub(super) const SIGN_OFFSET: i32 = 128;
/// The integer for the largest value: the largest three digits, less room for rounding.
const MAX_QUANTISED: f32 = (127 << 16) as f32;
/// A run without larger values counts as zeros, because its inverse would overflow.
const MIN_LARGEST: f32 = 1e-30;
/// The weight of each digit, the highest first.
const DIGIT_WEIGHTS: [f32; DIGITS] = [65536.0, 256.0, 1.0];

/// The digits of a few rows: first the highest digits of all rows, then the middle ones, then the
/// lowest. Their scales and sums have the same order.
#[derive(Clone, Copy)]
pub(super) struct Group {
    pub(super) rows: usize,
    pub(super) digits: Digits,
    /// For each run, the scale of each row of digits.
    pub(super) scales: *mut [f32; DIGITS * GROUP],
    /// If the weights have shifts, the sum of each row for each range of columns that share one, in
    /// units of the highest digit. It is zero for missing rows. If all digits are combined, the
    /// unit is the lowest digit, and missing rows have arbitrary values.
    pub(super) sums: *mut [f32; GROUP],
    pub(super) lines: *const SumLines,
}

/// SumLines of a group's sums: one for each row, and one for rows of digits without a row.
pub(super) const SUMS: usize = GROUP + 1;

/// For each row of digits, the line of its sum.
pub(super) type SumLines = [usize; DIGITS * GROUP];

/// Returns the lines for a group of `rows` rows.
pub(super) fn lines(rows: usize) -> SumLines {
    std::array::from_fn(|digit| if digit < DIGITS * rows { digit % rows } else { GROUP })
}

/// The digits in the layout that their multiplier needs.
#[derive(Clone, Copy)]
pub(super) enum Digits {
    /// In tiles of sixteen rows and the format's depth of columns, all `columns` of one tile's rows
    /// before the next tile. Missing rows are zero. If all digits are combined, each digit has its
    /// own tile, and missing rows have arbitrary values.
    Tiles { digits: *mut i8, columns: usize },
    /// All rows, for each 32 columns. In addition, for each range of columns that share a scale of
    /// the weights, the total of each row times minus [`SIGN_OFFSET`].
    Rows { digits: *mut [i8; BLOCK], totals: *mut [i32; DIGITS * GROUP] },
}

impl Group {
    /// Returns the number of rows of digits.
    pub(super) fn height(&self) -> usize {
        DIGITS * self.rows
    }

    /// Fills the group with digits.
    ///
    /// # Safety
    ///
    /// The processor has AVX-512 F. `x` is valid for the rows, and the group's memory for `columns`
    /// of each.
    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn write<Q: Quants>(&self, x: *const f32, columns: usize) {
        // If all digits are combined, missing rows are never read.
        if self.rows < GROUP && !Q::HAS_INT_SCALES {
            // SAFETY: guaranteed by the caller.
            unsafe {
                if Q::HAS_SHIFTS {
                    self.sums.write_bytes(0, columns / Q::SCALE_RANGE);
                }
                if let Digits::Tiles { digits, columns } = self.digits {
                    digits.write_bytes(0, columns * self.height().next_multiple_of(TILE));
                }
            }
        }
        for row in 0..self.rows {
            for (run, first) in (0..columns).step_by(Q::RUN).enumerate() {
                // SAFETY: the row has these columns.
                let x = unsafe { x.add(row * columns + first) };
                let width = Q::RUN.min(columns - first);
                // SAFETY: as above.
                let (scale, inverse) = scale(unsafe { largest(x, width) });
                // SAFETY: the group has room for the run.
                unsafe {
                    for (digit, place) in DIGIT_WEIGHTS.into_iter().enumerate() {
                        (*self.scales.add(run))[digit * self.rows + row] = scale * place;
                    }
                    for column in (0..width).step_by(16) {
                        let number = whole(_mm512_loadu_ps(x.add(column)), inverse);
                        self.write_sixteen::<Q>(row, first + column, number);
                    }
                }
            }
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn write_sixteen<Q: Quants>(&self, row: usize, column: usize, number: __m512i) {
        let begins = column.is_multiple_of(Q::SCALE_RANGE);
        // SAFETY: guaranteed by the caller of `write`.
        unsafe {
            if Q::HAS_SHIFTS {
                let sum = &mut (*self.sums.add(column / Q::SCALE_RANGE))[row];
                let unit = if Q::HAS_INT_SCALES { DIGIT_WEIGHTS[DIGITS - 1] } else { DIGIT_WEIGHTS[0] };
                let part = _mm512_reduce_add_epi32(number) as f32 / unit;
                *sum = if begins { part } else { *sum + part };
            }
            for (place, digit) in split(number).into_iter().enumerate() {
                let to = match self.digits {
                    Digits::Tiles { digits, columns } => {
                        let row = place * if Q::HAS_INT_SCALES { TILE } else { self.rows } + row;
                        let tile = digits.add(row / TILE * TILE * columns + tile_of::<Q>(column));
                        tile.add(row % TILE * Q::DEPTH + column % Q::DEPTH)
                    }
                    Digits::Rows { digits, totals } => {
                        let row = place * self.rows + row;
                        let total = &mut (*totals.add(column / Q::SCALE_RANGE))[row];
                        let part = -SIGN_OFFSET * _mm512_reduce_add_epi32(digit);
                        *total = if begins { part } else { *total + part };
                        let row = digits.add(column / BLOCK * self.height() + row);
                        row.cast::<i8>().add(column % BLOCK)
                    }
                };
                _mm_storeu_si128(to.cast(), _mm512_cvtepi32_epi8(digit));
            }
        }
    }

    /// Returns the contribution of the shifts of a block at `column` to the row `row`, if the
    /// format has shifts.
    ///
    /// # Safety
    ///
    /// `shifts` has a line for each range of columns that share one.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn shifted<Q: Quants>(
        &self,
        block: __m512,
        row: usize,
        column: usize,
        shifts: *const f32,
    ) -> __m512 {
        let mut block = block;
        if Q::HAS_SHIFTS {
            for share in 0..Q::VALUES / Q::SCALE_RANGE {
                // SAFETY: guaranteed by the caller, and the group has sums of all columns.
                unsafe {
                    let x = (*self.sums.add(column / Q::SCALE_RANGE + share))[row];
                    let shift = _mm512_load_ps(shifts.add(share * ROWS));
                    block = _mm512_fmadd_ps(_mm512_set1_ps(x), shift, block);
                }
            }
        }
        block
    }

    /// Adds the result of the block at `column` for the row `row`, with all digits combined, to the
    /// row's sum.
    ///
    /// # Safety
    ///
    /// `sums` has [`SUMS`] lines, and the block is a run.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn add_row_to_sums<Q: Quants>(
        &self,
        block: __m512,
        row: usize,
        column: usize,
        sums: *mut f32,
    ) {
        // SAFETY: there is a scale for each run, and a sum for each row.
        unsafe {
            let scales = &*self.scales.add(column / Q::RUN);
            let scale = _mm512_set1_ps(scales[(DIGITS - 1) * self.rows + row]);
            let sum = sums.add(row * ROWS);
            _mm512_store_ps(sum, _mm512_fmadd_ps(block, scale, _mm512_load_ps(sum)));
        }
    }

    /// Adds the results of a run from `column` on to the rows' sums. There is a vector for each row
    /// of digits from `first` on.
    ///
    /// # Safety
    ///
    /// `sums` has [`SUMS`] lines.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn add_to_sums<Q: Quants, const HEIGHT: usize>(
        &self,
        run: &[__m512; HEIGHT],
        first: usize,
        column: usize,
        sums: *mut f32,
    ) {
        // SAFETY: there is a scale for each run, and a sum for each row.
        unsafe {
            // Loading as many scales as rows keeps the rows in registers.
            let scales = &*self.scales.add(column / Q::RUN).cast::<f32>().add(first).cast::<[f32; HEIGHT]>();
            let lines = &*self.lines.cast::<usize>().add(first).cast::<[usize; HEIGHT]>();
            for ((run, scale), line) in run.iter().zip(scales).zip(lines) {
                let sum = sums.add(line * ROWS);
                let before = _mm512_load_ps(sum);
                _mm512_store_ps(sum, _mm512_fmadd_ps(*run, _mm512_set1_ps(*scale), before));
            }
        }
    }
}

/// Combines three products, each of which counts 256 times the next, into one integer. The result
/// is rounded in the same way for any split.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn together([high, middle, low]: [__m512i; DIGITS]) -> __m512 {
    let middle = _mm512_add_epi32(middle, _mm512_srai_epi32::<8>(low));
    let high = _mm512_add_epi32(high, _mm512_srai_epi32::<8>(middle));
    let byte = _mm512_set1_epi32(255);
    let low =
        _mm512_or_si512(_mm512_slli_epi32::<8>(_mm512_and_si512(middle, byte)), _mm512_and_si512(low, byte));
    above(high, low)
}

/// Returns `high` times 65536 plus `low`, which is smaller than 65536.
#[inline]
#[target_feature(enable = "avx512f")]
fn above(high: __m512i, low: __m512i) -> __m512 {
    _mm512_fmadd_ps(_mm512_cvtepi32_ps(high), _mm512_set1_ps(DIGIT_WEIGHTS[0]), _mm512_cvtepi32_ps(low))
}

/// Like [`together`], for the four products of two planes, each of which counts 256 times the next.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn planes_together([first, second, third, fourth]: [__m512i; DIGITS + 1]) -> __m512 {
    let low = _mm512_add_epi32(_mm512_slli_epi32::<8>(third), fourth);
    let high = _mm512_add_epi32(_mm512_slli_epi32::<8>(first), second);
    let high = _mm512_add_epi32(high, _mm512_srai_epi32::<16>(low));
    above(high, _mm512_and_si512(low, _mm512_set1_epi32(0xffff)))
}

/// Returns where the tile with a column begins, among those of its rows.
pub(super) fn tile_of<Q: Quants>(column: usize) -> usize {
    column / Q::DEPTH * Q::DEPTH * TILE
}

/// Returns the scale from integers to values, and its inverse.
fn scale(largest: f32) -> (f32, f32) {
    if !largest.is_finite() {
        // Everything that is multiplied by it becomes NaN too.
        (f32::NAN, 0.0)
    } else if largest < MIN_LARGEST {
        (0.0, 0.0)
    } else {
        (largest / MAX_QUANTISED, MAX_QUANTISED / largest)
    }
}

/// Returns the largest absolute value, or a NaN or infinity if there is one.
#[target_feature(enable = "avx512f")]
unsafe fn largest(x: *const f32, width: usize) -> f32 {
    let mut most = _mm512_setzero_si512();
    for column in (0..width).step_by(16) {
        // As integers, absolute values keep their order, and infinity and NaN come last.
        // SAFETY: guaranteed by the caller.
        let bits = unsafe { _mm512_loadu_si512(x.add(column).cast()) };
        most = _mm512_max_epi32(most, _mm512_and_si512(bits, _mm512_set1_epi32(i32::MAX)));
    }
    f32::from_bits(_mm512_reduce_max_epi32(most) as u32)
}

#[target_feature(enable = "avx512f")]
fn whole(x: __m512, inverse: f32) -> __m512i {
    _mm512_cvtps_epi32(_mm512_mul_ps(x, _mm512_set1_ps(inverse)))
}

/// Splits integers into digits from -128 to 127, the highest first.
#[inline]
#[target_feature(enable = "avx512f")]
fn split(number: __m512i) -> [__m512i; DIGITS] {
    let low = lowest(number);
    let number = rest(number, low);
    let middle = lowest(number);
    [rest(number, middle), middle, low]
}

#[inline]
#[target_feature(enable = "avx512f")]
fn lowest(number: __m512i) -> __m512i {
    _mm512_srai_epi32::<24>(_mm512_slli_epi32::<24>(number))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn rest(number: __m512i, digit: __m512i) -> __m512i {
    _mm512_srai_epi32::<8>(_mm512_sub_epi32(number, digit))
}
