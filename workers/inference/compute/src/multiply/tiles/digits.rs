//! Activations as whole numbers of three digits of eight bits, times a scale that a run of columns shares.
//!
//! That keeps 23 bits beside the largest value of the run, where each float keeps 24 of its own.

use std::arch::x86_64::*;

use super::quants::{Quants, ROWS};

/// Rows of activations in a group.
pub(super) const GROUP: usize = 16;
pub(super) const DIGITS: usize = 3;
/// Rows of digits in a tile.
pub(super) const TILE: usize = 16;
/// Columns whose digits lie together where there are few rows.
pub(super) const BLOCK: usize = 32;
/// What makes a quant one without sign.
pub(super) const UNSIGNED: i32 = 128;
/// What the largest becomes: the largest three digits less room for rounding.
const TOP: f32 = (127 << 16) as f32;
/// A run of nothing larger counts as zeros: its inverse would overflow.
const LEAST: f32 = 1e-30;
/// What each digit counts, the highest first.
const PLACES: [f32; DIGITS] = [65536.0, 256.0, 1.0];

/// The digits of a few rows: first all rows' highest, then the middle, then the lowest. Their scales and sums are in
/// that order too.
#[derive(Clone, Copy)]
pub(super) struct Group {
    pub(super) rows: usize,
    pub(super) digits: Digits,
    /// For each run: the scale of each row of digits.
    pub(super) scales: *mut [f32; DIGITS * GROUP],
    /// If the weights have shifts, for each so many columns as share one: the sum of each row, in units of its highest
    /// digit; zeros where there are fewer rows. Where all digits are put together, in units of the lowest, and anything.
    pub(super) sums: *mut [f32; GROUP],
    pub(super) lines: *const Lines,
}

/// Lines of a group's sums: one for each row, and one for rows of digits that are none's.
pub(super) const SUMS: usize = GROUP + 1;

/// For each row of digits, the line of its sum.
pub(super) type Lines = [usize; DIGITS * GROUP];

/// Those of a group of so many rows.
pub(super) fn lines(rows: usize) -> Lines {
    std::array::from_fn(|digit| if digit < DIGITS * rows { digit % rows } else { GROUP })
}

/// The digits in the form that their multiplier takes.
#[derive(Clone, Copy)]
pub(super) enum Digits {
    /// In tiles of sixteen rows and the format's depth of columns, all `columns` of one's rows before the next's; zeros
    /// where there are fewer rows. Where all digits are put together, each has a tile of its own, and anything there.
    Tiles { digits: *mut i8, columns: usize },
    /// All rows, for each 32 columns. And for each columns that share a scale of the weights: the total of each row,
    /// times minus [`UNSIGNED`].
    Rows { digits: *mut [i8; BLOCK], totals: *mut [i32; DIGITS * GROUP] },
}

impl Group {
    /// Rows of digits.
    pub(super) fn height(&self) -> usize {
        DIGITS * self.rows
    }

    /// Fills it.
    ///
    /// # Safety
    /// The processor has AVX-512 F; `x` is good for the rows, and the group's memory for `columns` of each.
    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn write<Q: Quants>(&self, x: *const f32, columns: usize) {
        // Where all digits are put together, nobody looks at rows that aren't there.
        if self.rows < GROUP && !Q::WHOLES {
            // SAFETY: as the caller says.
            unsafe {
                if Q::SHIFTED {
                    self.sums.write_bytes(0, columns / Q::SHARE);
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
                    for (digit, place) in PLACES.into_iter().enumerate() {
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
        let begins = column.is_multiple_of(Q::SHARE);
        // SAFETY: as `write` says.
        unsafe {
            if Q::SHIFTED {
                let sum = &mut (*self.sums.add(column / Q::SHARE))[row];
                let unit = if Q::WHOLES { PLACES[DIGITS - 1] } else { PLACES[0] };
                let part = _mm512_reduce_add_epi32(number) as f32 / unit;
                *sum = if begins { part } else { *sum + part };
            }
            for (place, digit) in split(number).into_iter().enumerate() {
                let to = match self.digits {
                    Digits::Tiles { digits, columns } => {
                        let row = place * if Q::WHOLES { TILE } else { self.rows } + row;
                        let tile = digits.add(row / TILE * TILE * columns + tile_of::<Q>(column));
                        tile.add(row % TILE * Q::DEPTH + column % Q::DEPTH)
                    }
                    Digits::Rows { digits, totals } => {
                        let row = place * self.rows + row;
                        let total = &mut (*totals.add(column / Q::SHARE))[row];
                        let part = -UNSIGNED * _mm512_reduce_add_epi32(digit);
                        *total = if begins { part } else { *total + part };
                        let row = digits.add(column / BLOCK * self.height() + row);
                        row.cast::<i8>().add(column % BLOCK)
                    }
                };
                _mm_storeu_si128(to.cast(), _mm512_cvtepi32_epi8(digit));
            }
        }
    }

    /// What a block at `column` comes to for the `row`th row with the shifts of its columns, if the format has such.
    ///
    /// # Safety
    /// `shifts` has a line for each columns that share one.
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
        if Q::SHIFTED {
            for share in 0..Q::VALUES / Q::SHARE {
                // SAFETY: as the caller says, and the group has sums of all columns.
                unsafe {
                    let x = (*self.sums.add(column / Q::SHARE + share))[row];
                    let shift = _mm512_load_ps(shifts.add(share * ROWS));
                    block = _mm512_fmadd_ps(_mm512_set1_ps(x), shift, block);
                }
            }
        }
        block
    }

    /// Adds what the block at `column` came to for the `row`th row, all digits together, to the row's sum.
    ///
    /// # Safety
    /// `sums` has [`SUMS`] lines; the block is a run.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn settle_row<Q: Quants>(
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

    /// Adds what a run from `column` on came to, a vector for each row of digits from `first` on, to the rows' sums.
    ///
    /// # Safety
    /// `sums` has [`SUMS`] lines.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn settle<Q: Quants, const HEIGHT: usize>(
        &self,
        run: &[__m512; HEIGHT],
        first: usize,
        column: usize,
        sums: *mut f32,
    ) {
        // SAFETY: there is a scale for each run, and a sum for each row.
        unsafe {
            // With as many scales as rows, the rows stay in registers.
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

/// The whole number of three products, each of which counts 256 times the next: rounded the same however they are taken
/// apart.
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

/// `high` times 65536 and `low`, which is less than that.
#[inline]
#[target_feature(enable = "avx512f")]
fn above(high: __m512i, low: __m512i) -> __m512 {
    _mm512_fmadd_ps(_mm512_cvtepi32_ps(high), _mm512_set1_ps(PLACES[0]), _mm512_cvtepi32_ps(low))
}

/// [`together`] for the four products of two planes, each of which counts 256 times the next.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn planes_together([first, second, third, fourth]: [__m512i; DIGITS + 1]) -> __m512 {
    let low = _mm512_add_epi32(_mm512_slli_epi32::<8>(third), fourth);
    let high = _mm512_add_epi32(_mm512_slli_epi32::<8>(first), second);
    let high = _mm512_add_epi32(high, _mm512_srai_epi32::<16>(low));
    above(high, _mm512_and_si512(low, _mm512_set1_epi32(0xffff)))
}

/// Where the tile with a column begins, of those of its rows.
pub(super) fn tile_of<Q: Quants>(column: usize) -> usize {
    column / Q::DEPTH * Q::DEPTH * TILE
}

/// The scale that makes values of numbers, and its inverse.
fn scale(largest: f32) -> (f32, f32) {
    if !largest.is_finite() {
        // So that whatever is multiplied by it becomes no number either.
        (f32::NAN, 0.0)
    } else if largest < LEAST {
        (0.0, 0.0)
    } else {
        (largest / TOP, TOP / largest)
    }
}

/// The largest absolute value, or what is no finite number, if there is such.
#[target_feature(enable = "avx512f")]
unsafe fn largest(x: *const f32, width: usize) -> f32 {
    let mut most = _mm512_setzero_si512();
    for column in (0..width).step_by(16) {
        // As whole numbers, sizes keep their order, and infinity and what is no number come last.
        // SAFETY: as the caller says.
        let bits = unsafe { _mm512_loadu_si512(x.add(column).cast()) };
        most = _mm512_max_epi32(most, _mm512_and_si512(bits, _mm512_set1_epi32(i32::MAX)));
    }
    f32::from_bits(_mm512_reduce_max_epi32(most) as u32)
}

#[target_feature(enable = "avx512f")]
fn whole(x: __m512, inverse: f32) -> __m512i {
    _mm512_cvtps_epi32(_mm512_mul_ps(x, _mm512_set1_ps(inverse)))
}

/// The digits, the highest first; each is between -128 and 127.
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
