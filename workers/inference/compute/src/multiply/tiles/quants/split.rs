//! A quant times its whole number as two signed bytes: a high plane, which counts 256, and a low one.

use std::arch::x86_64::*;

use super::{Quants, ROWS, Unpacked};
use crate::simd::LINE;

/// Lines of a tile of weights.
const TILE: usize = 16;
/// The odd bytes.
const ODD: __mmask64 = 0xAAAA_AAAA_AAAA_AAAA;

/// Turns a block's quants into planes: for each 64 columns a tile of the high one, then one of the low one.
///
/// # Safety
/// Needs AVX-512 F and BW. `from` has a block; `to` has room for two bytes for each quant.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(in super::super) unsafe fn split<Q: Quants>(from: Unpacked, to: *mut i8) {
    for share in 0..Q::VALUES / Q::SHARE {
        // SAFETY: as the caller says.
        unsafe {
            let whole = _mm512_load_si512(from.wholes.add(share * ROWS).cast());
            let whole = Whole::new(whole);
            for line in share * Q::SHARE / 4..(share + 1) * Q::SHARE / 4 {
                let quants = _mm512_load_si512(from.quants.add(line * LINE).cast());
                // Where there are shifts, no quant is less than nothing.
                let products = if Q::SHIFTED { whole.times(quants) } else { whole.times_signed(quants) };
                let [high, low] = planes(products);
                let to = to.add((line / TILE * 2 * TILE + line % TILE) * LINE);
                _mm512_store_si512(to.cast(), high);
                _mm512_store_si512(to.add(TILE * LINE).cast(), low);
            }
        }
    }
}

/// The number of each row, in both halves of a word.
struct Whole(__m512i);

impl Whole {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn new(words: __m512i) -> Self {
        let low = _mm512_and_si512(words, _mm512_set1_epi32(0xffff));
        Self(_mm512_or_si512(_mm512_slli_epi32::<16>(words), low))
    }

    /// The products of even bytes and those of odd ones; no byte has a sign, nor has the number.
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

/// The high bytes and the low ones.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn planes([even, odd]: [__m512i; 2]) -> [__m512i; 2] {
    let low = _mm512_mask_blend_epi8(ODD, even, _mm512_slli_epi16::<8>(odd));
    // What the low byte takes away when it is less than nothing.
    let half = _mm512_set1_epi16(128);
    let (even, odd) = (_mm512_add_epi16(even, half), _mm512_add_epi16(odd, half));
    let high = _mm512_mask_blend_epi8(ODD, _mm512_srli_epi16::<8>(even), odd);
    [high, low]
}
