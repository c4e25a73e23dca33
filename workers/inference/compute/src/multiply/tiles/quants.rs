//! How each format's blocks become integers with a scale, and for some formats a shift, for sixteen
//! rows at once.
//!
//! The layouts are those of [`crate::layout`]. Here a weight stays `quant * scale + shift`. If a
//! block's scales are quantised themselves, it is `quant * whole * scale + shift`. Bytes of sixteen
//! rows are transposed into lines first, so that a line has four columns of every row, as the tiles
//! need it. The bits are extracted afterwards, on whole lines.

mod blocks;
mod split;
mod supers;

use std::arch::x86_64::*;

pub(super) use split::split;

use crate::layout::Layout;

/// Rows of weights that are unpacked together.
pub(super) const ROWS: usize = 16;

/// A layout whose blocks are integers.
///
/// # Safety
///
/// `unpack` reads `BYTES` bytes from each row, which needs no alignment, and writes `VALUES`
/// columns. It needs AVX-512 F and BW.
pub(super) unsafe trait Quants: Layout {
    /// Columns that share a scale and a shift: 16 or 32. A larger block has an integer scale for
    /// each such range, and one common scale.
    const SCALE_RANGE: usize = 32;
    const HAS_SHIFTS: bool = false;
    const HAS_INT_SCALES: bool = Self::VALUES > Self::SCALE_RANGE;
    /// Columns in a tile of activations.
    const DEPTH: usize = if Self::HAS_INT_SCALES { 64 } else { 32 };
    /// Columns whose activations share a scale, and whose weights are unpacked at a time.
    const RUN: usize = if Self::HAS_INT_SCALES { Self::VALUES } else { 512 };
    unsafe fn unpack(rows: Rows, to: Unpacked);
}

/// The blocks of sixteen rows.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    first: *const u8,
    stride: usize,
    /// Where each row begins.
    starts: __m512i,
}

impl Rows {
    /// Creates rows that are `stride` bytes apart, less than 2^27.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn new(first: *const u8, stride: usize) -> Self {
        let numbers = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        Self { first, stride, starts: _mm512_mullo_epi32(numbers, _mm512_set1_epi32(stride as i32)) }
    }

    /// Returns the same rows, some bytes further.
    #[inline(always)]
    pub(super) fn after(self, bytes: usize) -> Self {
        Self { first: self.first.wrapping_add(bytes), ..self }
    }

    /// Returns sixteen bytes of every row as four lines.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    unsafe fn lines(self, byte: usize) -> [__m512i; 4] {
        unsafe {
            let [a, b, c, d] =
                [self.fours(byte, 0), self.fours(byte, 1), self.fours(byte, 2), self.fours(byte, 3)];
            let (ab, cd) = (_mm512_unpacklo_epi32(a, b), _mm512_unpacklo_epi32(c, d));
            let (ab_high, cd_high) = (_mm512_unpackhi_epi32(a, b), _mm512_unpackhi_epi32(c, d));
            [
                _mm512_unpacklo_epi64(ab, cd),
                _mm512_unpackhi_epi64(ab, cd),
                _mm512_unpacklo_epi64(ab_high, cd_high),
                _mm512_unpackhi_epi64(ab_high, cd_high),
            ]
        }
    }

    /// Returns sixteen bytes of every fourth row, from `row` on.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    unsafe fn fours(self, byte: usize, row: usize) -> __m512i {
        unsafe {
            let from = self.first.add(byte + row * self.stride);
            let next = 4 * self.stride;
            let rows = _mm512_castsi128_si512(_mm_loadu_si128(from.cast()));
            let rows = _mm512_inserti32x4::<1>(rows, _mm_loadu_si128(from.add(next).cast()));
            let rows = _mm512_inserti32x4::<2>(rows, _mm_loadu_si128(from.add(2 * next).cast()));
            _mm512_inserti32x4::<3>(rows, _mm_loadu_si128(from.add(3 * next).cast()))
        }
    }

    /// Returns four bytes of every row.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    unsafe fn words(self, byte: usize) -> __m512i {
        unsafe { _mm512_i32gather_epi32::<1>(self.starts, self.first.add(byte).cast()) }
    }
}

/// Where the unpacked columns of sixteen rows go.
#[derive(Clone, Copy)]
pub(super) struct Unpacked {
    /// A line for each four columns.
    pub(super) quants: *mut i8,
    /// The integer scale of each row, for each range of columns that share one, if the format has
    /// them.
    pub(super) wholes: *mut i32,
    /// The scale of each row, for each block.
    pub(super) scales: *mut f32,
    /// The shift of each row, for each range of columns that share one, if the format has them.
    pub(super) shifts: *mut f32,
}

impl Unpacked {
    /// Returns where the columns from `columns` on go.
    #[inline(always)]
    pub(super) fn after<Q: Quants>(self, columns: usize) -> Self {
        let shares = columns / Q::SCALE_RANGE * ROWS;
        Self {
            quants: self.quants.wrapping_add(columns * ROWS),
            wholes: self.wholes.wrapping_add(shares),
            scales: self.scales.wrapping_add(columns / Q::VALUES * ROWS),
            shifts: self.shifts.wrapping_add(shares),
        }
    }

    /// Writes the sixteen columns with this number in the block.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    unsafe fn row_panel(self, number: usize, lines: [__m512i; 4]) {
        for (at, line) in lines.into_iter().enumerate() {
            unsafe { _mm512_store_si512(self.quants.add((4 * number + at) * 64).cast(), line) }
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    unsafe fn scale(self, scale: __m512) {
        unsafe { _mm512_store_ps(self.scales, scale) }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    unsafe fn whole(self, number: usize, whole: __m512i) {
        unsafe { _mm512_store_si512(self.wholes.add(number * ROWS).cast(), whole) }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    unsafe fn shift(self, number: usize, shift: __m512) {
        unsafe { _mm512_store_ps(self.shifts.add(number * ROWS), shift) }
    }
}

/// Returns the floats in the low halves of words.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn low_halves(words: __m512i) -> __m512 {
    _mm512_cvtph_ps(_mm512_cvtepi32_epi16(words))
}

/// Returns the floats in the high halves of words.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn high_halves(words: __m512i) -> __m512 {
    low_halves(_mm512_srli_epi32::<16>(words))
}

/// Returns `BITS` bits of each byte, from bit `FROM` on.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn bits<const FROM: u32, const BITS: u32>([a, b, c, d]: [__m512i; 4]) -> [__m512i; 4] {
    let mask = _mm512_set1_epi8((1 << BITS) - 1);
    [
        _mm512_and_si512(_mm512_srli_epi16::<FROM>(a), mask),
        _mm512_and_si512(_mm512_srli_epi16::<FROM>(b), mask),
        _mm512_and_si512(_mm512_srli_epi16::<FROM>(c), mask),
        _mm512_and_si512(_mm512_srli_epi16::<FROM>(d), mask),
    ]
}

/// Puts `high` bits above `BITS` bits of `low`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn above<const BITS: u32>(high: [__m512i; 4], low: [__m512i; 4]) -> [__m512i; 4] {
    [
        _mm512_or_si512(_mm512_slli_epi16::<BITS>(high[0]), low[0]),
        _mm512_or_si512(_mm512_slli_epi16::<BITS>(high[1]), low[1]),
        _mm512_or_si512(_mm512_slli_epi16::<BITS>(high[2]), low[2]),
        _mm512_or_si512(_mm512_slli_epi16::<BITS>(high[3]), low[3]),
    ]
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn less([a, b, c, d]: [__m512i; 4], by: i8) -> [__m512i; 4] {
    let by = _mm512_set1_epi8(by);
    [_mm512_sub_epi8(a, by), _mm512_sub_epi8(b, by), _mm512_sub_epi8(c, by), _mm512_sub_epi8(d, by)]
}
