//! Blocks of 32 values: one scale, for some formats a minimum, then the quants. Each byte holds two
//! 4-bit quants, a value and the one sixteen places after it. Fifth bits are in a word before the
//! quants.

use std::arch::x86_64::*;

use super::{Quants, Rows, Unpacked, above, bits, high_halves, less, low_halves};
use crate::layout::{Q4_0, Q4_1, Q5_0, Q5_1, Q8_0};

// SAFETY: two bytes of scale, 32 of quants.
unsafe impl Quants for Q8_0 {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    unsafe fn unpack(rows: Rows, to: Unpacked) {
        unsafe {
            to.scale(low_halves(rows.words(0)));
            to.row_panel(0, rows.lines(2));
            to.row_panel(1, rows.lines(18));
        }
    }
}

// SAFETY: two bytes of scale, sixteen of quants.
unsafe impl Quants for Q4_0 {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    unsafe fn unpack(rows: Rows, to: Unpacked) {
        unsafe {
            to.scale(low_halves(rows.words(0)));
            let bytes = rows.lines(2);
            to.row_panel(0, less(bits::<0, 4>(bytes), 8));
            to.row_panel(1, less(bits::<4, 4>(bytes), 8));
        }
    }
}

// SAFETY: four bytes of scale and smallest, sixteen of quants.
unsafe impl Quants for Q4_1 {
    const HAS_SHIFTS: bool = true;

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    unsafe fn unpack(rows: Rows, to: Unpacked) {
        unsafe {
            let head = rows.words(0);
            to.scale(low_halves(head));
            to.shift(0, high_halves(head));
            let bytes = rows.lines(4);
            to.row_panel(0, bits::<0, 4>(bytes));
            to.row_panel(1, bits::<4, 4>(bytes));
        }
    }
}

// SAFETY: two bytes of scale, four of fifth bits, sixteen of quants.
unsafe impl Quants for Q5_0 {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    unsafe fn unpack(rows: Rows, to: Unpacked) {
        unsafe {
            to.scale(low_halves(rows.words(0)));
            let [low, high] = five_bits(rows, 2);
            to.row_panel(0, less(low, 16));
            to.row_panel(1, less(high, 16));
        }
    }
}

// SAFETY: four bytes of scale and smallest, four of fifth bits, sixteen of quants.
unsafe impl Quants for Q5_1 {
    const HAS_SHIFTS: bool = true;

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    unsafe fn unpack(rows: Rows, to: Unpacked) {
        unsafe {
            let head = rows.words(0);
            to.scale(low_halves(head));
            to.shift(0, high_halves(head));
            let [low, high] = five_bits(rows, 4);
            to.row_panel(0, low);
            to.row_panel(1, high);
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn five_bits(rows: Rows, from: usize) -> [[__m512i; 4]; 2] {
    unsafe {
        let (fifth, bytes) = (rows.words(from), rows.lines(from + 4));
        let (low, high) = (spread(fifth), spread(_mm512_srli_epi32::<16>(fifth)));
        [above::<4>(low, bits::<0, 4>(bytes)), above::<4>(high, bits::<4, 4>(bytes))]
    }
}

/// Spreads sixteen bits of each word to a byte each, four bytes to a line.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn spread(words: __m512i) -> [__m512i; 4] {
    [
        spread_four(words),
        spread_four(_mm512_srli_epi32::<4>(words)),
        spread_four(_mm512_srli_epi32::<8>(words)),
        spread_four(_mm512_srli_epi32::<12>(words)),
    ]
}

/// Spreads the lowest four bits of each word to its bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn spread_four(words: __m512i) -> __m512i {
    let low = _mm512_and_si512(words, _mm512_set1_epi32(15));
    // Four copies, seven bits apart, each have one bit at the start of a byte.
    let copies = _mm512_mullo_epi32(low, _mm512_set1_epi32(0x0020_4081));
    _mm512_and_si512(copies, _mm512_set1_epi32(0x0101_0101))
}
