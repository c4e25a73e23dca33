//! Plain Rust with four lanes.

use half::f16;

use super::halves::HALVES;
use super::{Simd, Twice, Unpack};

/// Four lanes, which the compiler turns into SSE2 or NEON.
#[derive(Clone, Copy)]
pub(crate) struct Portable([f32; 4]);

impl Portable {
    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        Self(std::array::from_fn(|lane| f(self.0[lane], other.0[lane])))
    }
}

// SAFETY: only `load` and `store` touch memory, and only their four floats.
unsafe impl Simd for Portable {
    const LANES: usize = 4;
    const ROWS: usize = if cfg!(target_arch = "aarch64") { 14 } else { 6 };

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        Self([x; 4])
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        unsafe { Self(from.cast::<[f32; 4]>().read_unaligned()) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { to.cast::<[f32; 4]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }
    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        self.zip(other, |a, b| a / b)
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        self.zip(other, f32::max)
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        self.zip(other, f32::min)
    }
    #[inline(always)]
    unsafe fn mul_add(self, a: Self, b: Self) -> Self {
        // Without the instruction, a fused multiply-add is a slow library call.
        if cfg!(target_arch = "aarch64") {
            Self(std::array::from_fn(|lane| self.0[lane].mul_add(a.0[lane], b.0[lane])))
        } else {
            Self(std::array::from_fn(|lane| self.0[lane] * a.0[lane] + b.0[lane]))
        }
    }
    #[inline(always)]
    unsafe fn exp2_whole(self) -> Self {
        Self(self.0.map(|x| f32::from_bits((((x as i32) + 127) << 23).cast_unsigned())))
    }
    #[inline(always)]
    unsafe fn round(self) -> Self {
        // Adding 1.5 * 2^23 leaves no bits for a fraction. `f32::round` is a library call.
        const SHIFT: f32 = 12_582_912.0;
        Self(self.0.map(|x| (x + SHIFT) - SHIFT))
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        self.0.iter().sum()
    }
    #[inline(always)]
    unsafe fn largest(self) -> f32 {
        self.0.into_iter().fold(f32::NEG_INFINITY, f32::max)
    }
}

// SAFETY: as above, except that they touch four bytes or four 16-bit floats.
unsafe impl Unpack for Portable {
    type Wide = Twice<Twice<Self>>;
    type Int = [i32; 4];
    type Linear = (Self, Self);

    #[inline(always)]
    unsafe fn bytes(from: *const u8) -> [i32; 4] {
        unsafe { from.cast::<[u8; 4]>().read() }.map(i32::from)
    }
    #[inline(always)]
    unsafe fn signed_bytes(from: *const u8) -> [i32; 4] {
        unsafe { from.cast::<[i8; 4]>().read() }.map(i32::from)
    }
    #[inline(always)]
    unsafe fn select_bits(bits: u32, value: i32) -> [i32; 4] {
        std::array::from_fn(|lane| if bits >> lane & 1 == 1 { value } else { 0 })
    }
    #[inline(always)]
    unsafe fn and(whole: [i32; 4], mask: i32) -> [i32; 4] {
        whole.map(|whole| whole & mask)
    }
    #[inline(always)]
    unsafe fn or(whole: [i32; 4], other: [i32; 4]) -> [i32; 4] {
        std::array::from_fn(|lane| whole[lane] | other[lane])
    }
    #[inline(always)]
    unsafe fn sub_int(whole: [i32; 4], less: i32) -> [i32; 4] {
        whole.map(|whole| whole - less)
    }
    #[inline(always)]
    unsafe fn left(whole: [i32; 4], by: u32) -> [i32; 4] {
        whole.map(|whole| whole << by)
    }
    #[inline(always)]
    unsafe fn right(whole: [i32; 4], by: u32) -> [i32; 4] {
        whole.map(|whole| whole >> by)
    }
    #[inline(always)]
    unsafe fn number(whole: [i32; 4]) -> Self {
        Self(whole.map(|whole| whole as f32))
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
    unsafe fn evaluate((slope, start): (Self, Self), whole: [i32; 4]) -> Self {
        unsafe { Self::number(Self::and(whole, 15)).mul_add(slope, start) }
    }
    #[inline(always)]
    unsafe fn f16(from: *const u8) -> Self {
        let halves = unsafe { from.cast::<[u16; 4]>().read_unaligned() };
        Self(halves.map(|bits| f16::from_bits(bits).to_f32_const()))
    }
    #[inline(always)]
    unsafe fn splat_f16(from: *const u8) -> Self {
        unsafe { Self::splat(HALVES[usize::from(from.cast::<u16>().read_unaligned())]) }
    }
    #[inline(always)]
    unsafe fn bf16(from: *const u8) -> Self {
        let brains = unsafe { from.cast::<[u16; 4]>().read_unaligned() };
        Self(brains.map(|bits| f32::from_bits(u32::from(bits) << 16)))
    }
}
