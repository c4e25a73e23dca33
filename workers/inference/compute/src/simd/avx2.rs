//! AVX2 with eight lanes.

#[allow(clippy::wildcard_imports)] // the names are the instructions'
use std::arch::x86_64::*;

use super::halves::HALVES;
use super::{Simd, Twice, Unpack};

#[derive(Clone, Copy)]
pub(crate) struct Avx2(__m256);

// SAFETY: each method is a few instructions of a set that the caller guarantees. They touch at most
// `LANES` values of memory and need no alignment.
unsafe impl Simd for Avx2 {
    const LANES: usize = 8;
    const ROWS: usize = 6;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        unsafe { Self(_mm256_set1_ps(x)) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        unsafe { Self(_mm256_loadu_ps(from)) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { _mm256_storeu_ps(to, self.0) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        unsafe { Self(_mm256_add_ps(self.0, other.0)) }
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        unsafe { Self(_mm256_sub_ps(self.0, other.0)) }
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        unsafe { Self(_mm256_mul_ps(self.0, other.0)) }
    }
    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        unsafe { Self(_mm256_div_ps(self.0, other.0)) }
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        unsafe { Self(_mm256_max_ps(self.0, other.0)) }
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        unsafe { Self(_mm256_min_ps(self.0, other.0)) }
    }
    #[inline(always)]
    unsafe fn mul_add(self, a: Self, b: Self) -> Self {
        unsafe { Self(_mm256_fmadd_ps(self.0, a.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn exp2_whole(self) -> Self {
        unsafe {
            let biased = _mm256_add_epi32(_mm256_cvtps_epi32(self.0), _mm256_set1_epi32(127));
            Self(_mm256_castsi256_ps(_mm256_slli_epi32::<23>(biased)))
        }
    }
    #[inline(always)]
    unsafe fn round(self) -> Self {
        unsafe { Self(_mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(self.0)) }
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        let mut lanes = [0.0; 8];
        unsafe { self.store(lanes.as_mut_ptr()) };
        lanes.iter().sum()
    }
    #[inline(always)]
    unsafe fn largest(self) -> f32 {
        let mut lanes = [0.0; 8];
        unsafe { self.store(lanes.as_mut_ptr()) };
        lanes.into_iter().fold(f32::NEG_INFINITY, f32::max)
    }
}

// SAFETY: as above. AVX2 and F16C have all of them for eight lanes.
unsafe impl Unpack for Avx2 {
    type Wide = Twice<Self>;
    type Int = __m256i;
    type Linear = (Self, Self);

    #[inline(always)]
    unsafe fn bytes(from: *const u8) -> __m256i {
        unsafe { _mm256_cvtepu8_epi32(_mm_loadl_epi64(from.cast())) }
    }
    #[inline(always)]
    unsafe fn signed_bytes(from: *const u8) -> __m256i {
        unsafe { _mm256_cvtepi8_epi32(_mm_loadl_epi64(from.cast())) }
    }
    #[inline(always)]
    unsafe fn select_bits(bits: u32, value: i32) -> __m256i {
        unsafe {
            let each = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
            let there = _mm256_and_si256(_mm256_set1_epi32(bits.cast_signed()), each);
            _mm256_and_si256(_mm256_cmpeq_epi32(there, each), _mm256_set1_epi32(value))
        }
    }
    #[inline(always)]
    unsafe fn and(whole: __m256i, mask: i32) -> __m256i {
        unsafe { _mm256_and_si256(whole, _mm256_set1_epi32(mask)) }
    }
    #[inline(always)]
    unsafe fn or(whole: __m256i, other: __m256i) -> __m256i {
        unsafe { _mm256_or_si256(whole, other) }
    }
    #[inline(always)]
    unsafe fn sub_int(whole: __m256i, less: i32) -> __m256i {
        unsafe { _mm256_sub_epi32(whole, _mm256_set1_epi32(less)) }
    }
    #[inline(always)]
    unsafe fn left(whole: __m256i, by: u32) -> __m256i {
        unsafe { _mm256_sllv_epi32(whole, _mm256_set1_epi32(by.cast_signed())) }
    }
    #[inline(always)]
    unsafe fn right(whole: __m256i, by: u32) -> __m256i {
        unsafe { _mm256_srlv_epi32(whole, _mm256_set1_epi32(by.cast_signed())) }
    }
    #[inline(always)]
    unsafe fn number(whole: __m256i) -> Self {
        unsafe { Self(_mm256_cvtepi32_ps(whole)) }
    }
    #[inline(always)]
    unsafe fn line(slope: Self, start: Self) -> (Self, Self) {
        (slope, start)
    }
    #[inline(always)]
    unsafe fn centred(slope: Self) -> (Self, Self) {
        unsafe { (slope, slope.mul(Self::splat(-8.0))) }
    }
    #[inline(always)]
    unsafe fn evaluate((slope, start): (Self, Self), whole: __m256i) -> Self {
        unsafe { Self::number(Self::and(whole, 15)).mul_add(slope, start) }
    }
    #[inline(always)]
    unsafe fn f16(from: *const u8) -> Self {
        unsafe { Self(_mm256_cvtph_ps(_mm_loadu_si128(from.cast()))) }
    }
    #[inline(always)]
    unsafe fn splat_f16(from: *const u8) -> Self {
        unsafe { Self::splat(HALVES[usize::from(from.cast::<u16>().read_unaligned())]) }
    }
    #[inline(always)]
    unsafe fn bf16(from: *const u8) -> Self {
        unsafe {
            let whole = _mm256_cvtepu16_epi32(_mm_loadu_si128(from.cast()));
            Self(_mm256_castsi256_ps(_mm256_slli_epi32::<16>(whole)))
        }
    }
}
