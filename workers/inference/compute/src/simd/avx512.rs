//! AVX-512 with sixteen lanes.

#[allow(clippy::wildcard_imports)] // the names are the instructions'
use std::arch::x86_64::*;

use super::halves::HALVES;
use super::{Simd, Unpack};

#[derive(Clone, Copy)]
pub(crate) struct Avx512(__m512);

// SAFETY: each method is a few instructions of a set that the caller guarantees. They touch at most
// `LANES` values of memory and need no alignment.
unsafe impl Simd for Avx512 {
    const LANES: usize = 16;
    const ROWS: usize = 14;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        unsafe { Self(_mm512_set1_ps(x)) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        unsafe { Self(_mm512_loadu_ps(from)) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { _mm512_storeu_ps(to, self.0) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        unsafe { Self(_mm512_add_ps(self.0, other.0)) }
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        unsafe { Self(_mm512_sub_ps(self.0, other.0)) }
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        unsafe { Self(_mm512_mul_ps(self.0, other.0)) }
    }
    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        unsafe { Self(_mm512_div_ps(self.0, other.0)) }
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        unsafe { Self(_mm512_max_ps(self.0, other.0)) }
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        unsafe { Self(_mm512_min_ps(self.0, other.0)) }
    }
    #[inline(always)]
    unsafe fn mul_add(self, a: Self, b: Self) -> Self {
        unsafe { Self(_mm512_fmadd_ps(self.0, a.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn exp2_whole(self) -> Self {
        unsafe {
            let biased = _mm512_add_epi32(_mm512_cvtps_epi32(self.0), _mm512_set1_epi32(127));
            Self(_mm512_castsi512_ps(_mm512_slli_epi32::<23>(biased)))
        }
    }
    #[inline(always)]
    unsafe fn round(self) -> Self {
        unsafe { Self(_mm512_roundscale_ps::<0>(self.0)) }
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        unsafe { _mm512_reduce_add_ps(self.0) }
    }
    #[inline(always)]
    unsafe fn largest(self) -> f32 {
        unsafe { _mm512_reduce_max_ps(self.0) }
    }
}

// SAFETY: as above. AVX-512 F has all of them for sixteen lanes.
unsafe impl Unpack for Avx512 {
    type Wide = Self;
    type Int = __m512i;
    /// The sixteen values themselves.
    type Linear = __m512;

    #[inline(always)]
    unsafe fn bytes(from: *const u8) -> __m512i {
        unsafe { _mm512_cvtepu8_epi32(_mm_loadu_si128(from.cast())) }
    }
    #[inline(always)]
    unsafe fn signed_bytes(from: *const u8) -> __m512i {
        unsafe { _mm512_cvtepi8_epi32(_mm_loadu_si128(from.cast())) }
    }
    #[inline(always)]
    unsafe fn select_bits(bits: u32, value: i32) -> __m512i {
        unsafe { _mm512_maskz_set1_epi32(bits as u16, value) }
    }
    #[inline(always)]
    unsafe fn and(whole: __m512i, mask: i32) -> __m512i {
        unsafe { _mm512_and_si512(whole, _mm512_set1_epi32(mask)) }
    }
    #[inline(always)]
    unsafe fn or(whole: __m512i, other: __m512i) -> __m512i {
        unsafe { _mm512_or_si512(whole, other) }
    }
    #[inline(always)]
    unsafe fn sub_int(whole: __m512i, less: i32) -> __m512i {
        unsafe { _mm512_sub_epi32(whole, _mm512_set1_epi32(less)) }
    }
    #[inline(always)]
    unsafe fn left(whole: __m512i, by: u32) -> __m512i {
        unsafe { _mm512_sllv_epi32(whole, _mm512_set1_epi32(by.cast_signed())) }
    }
    #[inline(always)]
    unsafe fn right(whole: __m512i, by: u32) -> __m512i {
        unsafe { _mm512_srlv_epi32(whole, _mm512_set1_epi32(by.cast_signed())) }
    }
    #[inline(always)]
    unsafe fn number(whole: __m512i) -> Self {
        unsafe { Self(_mm512_cvtepi32_ps(whole)) }
    }
    #[inline(always)]
    unsafe fn line(slope: Self, start: Self) -> __m512 {
        unsafe {
            let steps = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
            _mm512_fmadd_ps(_mm512_cvtepi32_ps(steps), slope.0, start.0)
        }
    }
    #[inline(always)]
    unsafe fn centred(slope: Self) -> __m512 {
        unsafe {
            let steps = _mm512_setr_epi32(-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7);
            _mm512_mul_ps(_mm512_cvtepi32_ps(steps), slope.0)
        }
    }
    #[inline(always)]
    unsafe fn evaluate(line: __m512, whole: __m512i) -> Self {
        unsafe { Self(_mm512_permutexvar_ps(whole, line)) }
    }
    #[inline(always)]
    unsafe fn f16(from: *const u8) -> Self {
        unsafe { Self(_mm512_cvtph_ps(_mm256_loadu_si256(from.cast()))) }
    }
    #[inline(always)]
    unsafe fn splat_f16(from: *const u8) -> Self {
        unsafe { Self::splat(HALVES[usize::from(from.cast::<u16>().read_unaligned())]) }
    }
    #[inline(always)]
    unsafe fn bf16(from: *const u8) -> Self {
        unsafe {
            let whole = _mm512_cvtepu16_epi32(_mm256_loadu_si256(from.cast()));
            Self(_mm512_castsi512_ps(_mm512_slli_epi32::<16>(whole)))
        }
    }
}
