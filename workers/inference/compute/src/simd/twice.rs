//! Two vectors as one with twice the lanes.

use super::{Simd, Unpack};

#[derive(Clone, Copy)]
pub(crate) struct Twice<S>(S, S);

// SAFETY: each half gets its part of the memory, with the same conditions.
unsafe impl<S: Simd> Simd for Twice<S> {
    const LANES: usize = 2 * S::LANES;
    const ROWS: usize = S::ROWS;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        unsafe { Self(S::splat(x), S::splat(x)) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        unsafe { Self(S::load(from), S::load(from.add(S::LANES))) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe {
            self.0.store(to);
            self.1.store(to.add(S::LANES));
        }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        unsafe { Self(self.0.add(other.0), self.1.add(other.1)) }
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        unsafe { Self(self.0.sub(other.0), self.1.sub(other.1)) }
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        unsafe { Self(self.0.mul(other.0), self.1.mul(other.1)) }
    }
    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        unsafe { Self(self.0.div(other.0), self.1.div(other.1)) }
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        unsafe { Self(self.0.max(other.0), self.1.max(other.1)) }
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        unsafe { Self(self.0.min(other.0), self.1.min(other.1)) }
    }
    #[inline(always)]
    unsafe fn mul_add(self, a: Self, b: Self) -> Self {
        unsafe { Self(self.0.mul_add(a.0, b.0), self.1.mul_add(a.1, b.1)) }
    }
    #[inline(always)]
    unsafe fn exp2_whole(self) -> Self {
        unsafe { Self(self.0.exp2_whole(), self.1.exp2_whole()) }
    }
    #[inline(always)]
    unsafe fn round(self) -> Self {
        unsafe { Self(self.0.round(), self.1.round()) }
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        unsafe { self.0.add(self.1).sum() }
    }
    #[inline(always)]
    unsafe fn largest(self) -> f32 {
        unsafe { self.0.max(self.1).largest() }
    }
}

// SAFETY: as above.
unsafe impl<S: Unpack> Unpack for Twice<S> {
    type Wide = Self;
    type Int = (S::Int, S::Int);
    type Linear = (S::Linear, S::Linear);

    #[inline(always)]
    unsafe fn bytes(from: *const u8) -> Self::Int {
        unsafe { (S::bytes(from), S::bytes(from.add(S::LANES))) }
    }
    #[inline(always)]
    unsafe fn signed_bytes(from: *const u8) -> Self::Int {
        unsafe { (S::signed_bytes(from), S::signed_bytes(from.add(S::LANES))) }
    }
    #[inline(always)]
    unsafe fn select_bits(bits: u32, value: i32) -> Self::Int {
        unsafe { (S::select_bits(bits, value), S::select_bits(bits >> S::LANES, value)) }
    }
    #[inline(always)]
    unsafe fn and(whole: Self::Int, mask: i32) -> Self::Int {
        unsafe { (S::and(whole.0, mask), S::and(whole.1, mask)) }
    }
    #[inline(always)]
    unsafe fn sub_int(whole: Self::Int, less: i32) -> Self::Int {
        unsafe { (S::sub_int(whole.0, less), S::sub_int(whole.1, less)) }
    }
    #[inline(always)]
    unsafe fn left(whole: Self::Int, by: u32) -> Self::Int {
        unsafe { (S::left(whole.0, by), S::left(whole.1, by)) }
    }
    #[inline(always)]
    unsafe fn right(whole: Self::Int, by: u32) -> Self::Int {
        unsafe { (S::right(whole.0, by), S::right(whole.1, by)) }
    }
    #[inline(always)]
    unsafe fn or(whole: Self::Int, other: Self::Int) -> Self::Int {
        unsafe { (S::or(whole.0, other.0), S::or(whole.1, other.1)) }
    }
    #[inline(always)]
    unsafe fn number(whole: Self::Int) -> Self {
        unsafe { Self(S::number(whole.0), S::number(whole.1)) }
    }
    #[inline(always)]
    unsafe fn line(slope: Self, start: Self) -> Self::Linear {
        unsafe { (S::line(slope.0, start.0), S::line(slope.1, start.1)) }
    }
    #[inline(always)]
    unsafe fn centred(slope: Self) -> Self::Linear {
        unsafe { (S::centred(slope.0), S::centred(slope.1)) }
    }
    #[inline(always)]
    unsafe fn evaluate(line: Self::Linear, whole: Self::Int) -> Self {
        unsafe { Self(S::evaluate(line.0, whole.0), S::evaluate(line.1, whole.1)) }
    }
    #[inline(always)]
    unsafe fn f16(from: *const u8) -> Self {
        unsafe { Self(S::f16(from), S::f16(from.add(2 * S::LANES))) }
    }
    #[inline(always)]
    unsafe fn splat_f16(from: *const u8) -> Self {
        unsafe { Self(S::splat_f16(from), S::splat_f16(from)) }
    }
    #[inline(always)]
    unsafe fn bf16(from: *const u8) -> Self {
        unsafe { Self(S::bf16(from), S::bf16(from.add(2 * S::LANES))) }
    }
}
