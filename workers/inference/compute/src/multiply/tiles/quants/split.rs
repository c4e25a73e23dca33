//! Splits a quant times its integer scale into two signed bytes: a high plane, which counts 256,
//! and a low one.

use std::arch::x86_64::*;

use super::{Quants, ROWS, Unpacked};
use crate::simd::LINE;

/// SumLines in a tile of weights.
const TILE: usize = 16;
/// The odd bytes.
const ODD: __mmask64 = 0xAAAA_AAAA_AAAA_AAAA;

/// Turns a block's quants into planes. For each 64 columns there is a tile of the high plane, then
/// one of the low plane.
///
/// # Safety
///
/// Needs AVX-512 F and BW. `from` has a block, and `to` has room for two bytes per quant.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(in super::super) unsafe fn split<Q: Quants>(from: Unpacked, to: *mut i8) {
    for share in 0..Q::VALUES / Q::SCALE_RANGE {
        // SAFETY: guaranteed by the caller.
        unsafe {
            let whole = _mm512_load_si512(from.wholes.add(share * ROWS).cast());
            let whole = RowScales::new(whole);
            for line in share * Q::SCALE_RANGE / 4..(share + 1) * Q::SCALE_RANGE / 4 {
                let quants = _mm512_load_si512(from.quants.add(line * LINE).cast());
                // With shifts, no quant is negative.
                let products = if Q::HAS_SHIFTS { whole.times(quants) } else { whole.times_signed(quants) };
                let [high, low] = planes(products);
                let to = to.add((line / TILE * 2 * TILE + line % TILE) * LINE);
                _mm512_store_si512(to.cast(), high);
                _mm512_store_si512(to.add(TILE * LINE).cast(), low);
            }
        }
    }
}

/// The integer scale of each row, in both halves of a word.
struct RowScales(__m512i);

impl RowScales {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn new(words: __m512i) -> Self {
        let low = _mm512_and_si512(words, _mm512_set1_epi32(0xffff));
        Self(_mm512_or_si512(_mm512_slli_epi32::<16>(words), low))
    }

    /// Returns the products of even bytes and those of odd ones. All bytes and scales are unsigned.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn times(&self, quants: __m512i) -> [__m512i; 2] {
        let odd = _mm512_slli_epi16::<8>(self.0);
        [_mm512_maddubs_epi16(quants, self.0), _mm512_maddubs_epi16(quants, odd)]
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn times_signed(&self, quants: __m512i) -> [__m512i; 2] {
        let even = _mm512_srai_epi16::<8>(_mm512_slli_epi16::<8>(quants));
        let odd = _mm512_srai_epi16::<8>(quants);
        [_mm512_mullo_epi16(even, self.0), _mm512_mullo_epi16(odd, self.0)]
    }
}

/// Returns the high bytes and the low ones.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn planes([even, odd]: [__m512i; 2]) -> [__m512i; 2] {
    let low = _mm512_mask_blend_epi8(ODD, even, _mm512_slli_epi16::<8>(odd));
    // A negative low byte subtracts from the high one.
    let half = _mm512_set1_epi16(128);
    let (even, odd) = (_mm512_add_epi16(even, half), _mm512_add_epi16(odd, half));
    let high = _mm512_mask_blend_epi8(ODD, _mm512_srli_epi16::<8>(even), odd);
    [high, low]
}
