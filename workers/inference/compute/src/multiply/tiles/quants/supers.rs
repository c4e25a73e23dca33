//! Blocks of 256 values in sub-blocks of 16 or 32, whose scales are themselves quantised.
//!
//! The quants of a half or quarter are in the same bytes as those of the next one, in other bits.

use std::arch::x86_64::*;

use super::{Quants, Rows, Unpacked, above, bits, high_halves, less, low_halves};
use crate::layout::{Q2K, Q3K, Q4K, Q5K, Q6K};

// SAFETY: 16 bytes of scales and shifts, 64 of quants, 2 of scales' scale, 2 of shifts' scale.
unsafe impl Quants for Q2K {
    const SCALE_RANGE: usize = 16;
    const HAS_SHIFTS: bool = true;

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    unsafe fn unpack(rows: Rows, to: Unpacked) {
        unsafe {
            let head = rows.words(80);
            to.scale(low_halves(head));
            let shift = negative(high_halves(head));
            for (quarter, words) in rows.lines(0).into_iter().enumerate() {
                for byte in 0..4 {
                    let both = byte_of(words, byte);
                    let number = 4 * quarter + byte as usize;
                    to.whole(number, _mm512_and_si512(both, _mm512_set1_epi32(15)));
                    to.shift(number, scaled(_mm512_srli_epi32::<4>(both), shift));
                }
            }
            for (half, first) in halves_of(32, 16) {
                let bytes = rows.lines(first);
                to.row_panel(half, bits::<0, 2>(bytes));
                to.row_panel(half + 2, bits::<2, 2>(bytes));
                to.row_panel(half + 4, bits::<4, 2>(bytes));
                to.row_panel(half + 6, bits::<6, 2>(bytes));
            }
        }
    }
}

// SAFETY: 32 bytes of third bits, 64 of quants, 12 of scales, 2 of their scale.
unsafe impl Quants for Q3K {
    const SCALE_RANGE: usize = 16;

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    unsafe fn unpack(rows: Rows, to: Unpacked) {
        unsafe {
            // The block ends with the scale of the scales.
            to.scale(high_halves(rows.words(106)));
            // Low nibbles, then high nibbles. The last four bytes contain two more bits for each.
            let (a, b, c) = (rows.words(96), rows.words(100), rows.words(104));
            let words = [
                _mm512_or_si512(high_two(_mm512_slli_epi32::<6>(c)), nibbles::<0>(a)),
                _mm512_or_si512(high_two(_mm512_slli_epi32::<4>(c)), nibbles::<0>(b)),
                _mm512_or_si512(high_two(_mm512_slli_epi32::<2>(c)), nibbles::<4>(a)),
                _mm512_or_si512(high_two(c), nibbles::<4>(b)),
            ];
            for (quarter, words) in words.into_iter().enumerate() {
                for byte in 0..4 {
                    let whole = _mm512_sub_epi32(byte_of(words, byte), _mm512_set1_epi32(32));
                    to.whole(4 * quarter + byte as usize, whole);
                }
            }
            let third = [rows.lines(0), rows.lines(16)];
            for (half, first) in halves_of(32, 32) {
                let (third, bytes) = (third[half % 2], rows.lines(first));
                macro_rules! quarters {
                    ($($quarter:literal)*) => {$(
                        let bit = if half < 8 {
                            bits::<$quarter, 1>(third)
                        } else {
                            bits::<{ $quarter + 4 }, 1>(third)
                        };
                        let quants = less(above::<2>(bit, bits::<{ 2 * $quarter }, 2>(bytes)), 4);
                        to.row_panel(half + 2 * $quarter, quants);
                    )*};
                }
                quarters!(0 1 2 3);
            }
        }
    }
}

// SAFETY: 4 bytes of the scales' and the shifts' scale, 12 of scales and shifts, 128 of quants.
unsafe impl Quants for Q4K {
    const HAS_SHIFTS: bool = true;

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    unsafe fn unpack(rows: Rows, to: Unpacked) {
        unsafe {
            six_bits(rows, to);
            for pair in 0..4 {
                for half in 0..2 {
                    let bytes = rows.lines(16 + 32 * pair + 16 * half);
                    to.row_panel(4 * pair + half, bits::<0, 4>(bytes));
                    to.row_panel(4 * pair + 2 + half, bits::<4, 4>(bytes));
                }
            }
        }
    }
}

// SAFETY: 4 bytes of the scales' and the shifts' scale, 12 of scales and shifts, 32 of fifth bits,
// 128 of quants.
unsafe impl Quants for Q5K {
    const HAS_SHIFTS: bool = true;

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    unsafe fn unpack(rows: Rows, to: Unpacked) {
        unsafe {
            six_bits(rows, to);
            for half in 0..2 {
                let fifth = rows.lines(16 + 16 * half);
                macro_rules! pairs {
                    ($($pair:literal)*) => {$(
                        let bytes = rows.lines(48 + 32 * $pair + 16 * half);
                        let low = above::<4>(bits::<{ 2 * $pair }, 1>(fifth), bits::<0, 4>(bytes));
                        let high = above::<4>(bits::<{ 2 * $pair + 1 }, 1>(fifth), bits::<4, 4>(bytes));
                        to.row_panel(4 * $pair + half, low);
                        to.row_panel(4 * $pair + 2 + half, high);
                    )*};
                }
                pairs!(0 1 2 3);
            }
        }
    }
}

// SAFETY: 128 bytes of low nibbles, 64 of high pairs of bits, 16 of scales, 2 of their scale.
unsafe impl Quants for Q6K {
    const SCALE_RANGE: usize = 16;

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    unsafe fn unpack(rows: Rows, to: Unpacked) {
        unsafe {
            // The block ends with the scale of the scales.
            to.scale(high_halves(rows.words(206)));
            for (quarter, words) in rows.lines(192).into_iter().enumerate() {
                for byte in 0..4 {
                    let up = _mm512_sll_epi32(words, _mm_cvtsi32_si128(24 - 8 * byte));
                    to.whole(4 * quarter + byte as usize, _mm512_srai_epi32::<24>(up));
                }
            }
            for half in 0..2 {
                for row_panel in 0..2 {
                    let high = rows.lines(128 + 32 * half + 16 * row_panel);
                    let at = 8 * half + row_panel;
                    let low = rows.lines(64 * half + 16 * row_panel);
                    to.row_panel(at, less(above::<4>(bits::<0, 2>(high), bits::<0, 4>(low)), 32));
                    to.row_panel(at + 4, less(above::<4>(bits::<4, 2>(high), bits::<4, 4>(low)), 32));
                    let low = rows.lines(64 * half + 32 + 16 * row_panel);
                    to.row_panel(at + 2, less(above::<4>(bits::<2, 2>(high), bits::<0, 4>(low)), 32));
                    to.row_panel(at + 6, less(above::<4>(bits::<6, 2>(high), bits::<4, 4>(low)), 32));
                }
            }
        }
    }
}

/// For both halves of a block of 256 and both sixteens of 32 bytes, returns the number of their
/// first sixteen columns, and where their bytes are.
fn halves_of(bytes: usize, from: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..4).map(move |n| (n / 2 * 8 + n % 2, from + n / 2 * bytes + n % 2 * 16))
}

/// Unpacks the eight scales of a block of Q4K or Q5K, and the eight shifts. Each has six bits in
/// twelve bytes, and the last four of each keep their high bits above the first four.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn six_bits(rows: Rows, to: Unpacked) {
    unsafe {
        let [head, a, b, c] = rows.lines(0);
        to.scale(low_halves(head));
        let shift = negative(high_halves(head));
        let scales = [low_six(a), _mm512_or_si512(high_two(a), nibbles::<0>(c))];
        let shifts = [low_six(b), _mm512_or_si512(high_two(b), nibbles::<4>(c))];
        for half in 0..2 {
            for byte in 0..4 {
                let number = 4 * half + byte as usize;
                to.whole(number, byte_of(scales[half], byte));
                to.shift(number, scaled(byte_of(shifts[half], byte), shift));
            }
        }
    }
}

/// Returns six bits of each byte.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn low_six(words: __m512i) -> __m512i {
    _mm512_and_si512(words, _mm512_set1_epi8(0x3f))
}

/// Returns the other two bits, as the fifth and the sixth.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn high_two(words: __m512i) -> __m512i {
    _mm512_and_si512(_mm512_srli_epi32::<2>(words), _mm512_set1_epi8(0x30))
}

/// Returns the byte with this number of each word.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn byte_of(words: __m512i, byte: i32) -> __m512i {
    _mm512_and_si512(_mm512_srl_epi32(words, _mm_cvtsi32_si128(8 * byte)), _mm512_set1_epi32(255))
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn scaled(whole: __m512i, scale: __m512) -> __m512 {
    _mm512_mul_ps(_mm512_cvtepi32_ps(whole), scale)
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn negative(x: __m512) -> __m512 {
    _mm512_mul_ps(x, _mm512_set1_ps(-1.0))
}

/// Returns four bits of each byte.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn nibbles<const FROM: u32>(words: __m512i) -> __m512i {
    _mm512_and_si512(_mm512_srli_epi32::<FROM>(words), _mm512_set1_epi8(15))
}
