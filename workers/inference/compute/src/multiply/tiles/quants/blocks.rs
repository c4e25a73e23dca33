//! Blocks of 32: one scale, for some a smallest value, then the quants. Four bits are kept as in one byte the value and
//! the sixteenth after it; the fifth bits are a word before them.

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
            to.sixteen(0, rows.lines(2));
            to.sixteen(1, rows.lines(18));
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
            to.sixteen(0, less(bits::<0, 4>(bytes), 8));
            to.sixteen(1, less(bits::<4, 4>(bytes), 8));
        }
    }
}

// SAFETY: four bytes of scale and smallest, sixteen of quants.
unsafe impl Quants for Q4_1 {
    const SHIFTED: bool = true;

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    unsafe fn unpack(rows: Rows, to: Unpacked) {
        unsafe {
            let head = rows.words(0);
            to.scale(low_halves(head));
            to.shift(0, high_halves(head));
            let bytes = rows.lines(4);
            to.sixteen(0, bits::<0, 4>(bytes));
            to.sixteen(1, bits::<4, 4>(bytes));
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
            to.sixteen(0, less(low, 16));
            to.sixteen(1, less(high, 16));
        }
    }
}

// SAFETY: four bytes of scale and smallest, four of fifth bits, sixteen of quants.
unsafe impl Quants for Q5_1 {
    const SHIFTED: bool = true;

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    unsafe fn unpack(rows: Rows, to: Unpacked) {
        unsafe {
            let head = rows.words(0);
            to.scale(low_halves(head));
            to.shift(0, high_halves(head));
            let [low, high] = five_bits(rows, 4);
            to.sixteen(0, low);
            to.sixteen(1, high);
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

/// Sixteen bits of each word, a byte for each: four to a line.
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

/// The lowest four bits of each word as its bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn spread_four(words: __m512i) -> __m512i {
    let low = _mm512_and_si512(words, _mm512_set1_epi32(15));
    // Four copies, seven bits apart, have each its bit at the start of a byte.
    let copies = _mm512_mullo_epi32(low, _mm512_set1_epi32(0x0020_4081));
    _mm512_and_si512(copies, _mm512_set1_epi32(0x0101_0101))
}
