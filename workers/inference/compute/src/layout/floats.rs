//! Plain floats.

use super::{Layout, PART};
use crate::simd::Unpack;

pub(crate) struct F32;
pub(crate) struct F16;
pub(crate) struct Bf16;

// SAFETY: reads two times sixteen floats.
unsafe impl Layout for F32 {
    const VALUES: usize = PART;
    const BYTES: usize = 4 * PART;
    type Scales<S: Unpack> = ();

    #[inline(always)]
    unsafe fn scales<S: Unpack>(_: *const u8) {}

    #[inline(always)]
    unsafe fn part<S: Unpack>(block: *const u8, (): &(), _: usize) -> [S; 2] {
        unsafe { [S::load(block.cast()), S::load(block.add(64).cast())] }
    }
}

// SAFETY: reads two times sixteen floats of two bytes.
unsafe impl Layout for F16 {
    const VALUES: usize = PART;
    const BYTES: usize = 2 * PART;
    type Scales<S: Unpack> = ();

    #[inline(always)]
    unsafe fn scales<S: Unpack>(_: *const u8) {}

    #[inline(always)]
    unsafe fn part<S: Unpack>(block: *const u8, (): &(), _: usize) -> [S; 2] {
        unsafe { [S::f16(block), S::f16(block.add(32))] }
    }
}

// SAFETY: as above.
unsafe impl Layout for Bf16 {
    const VALUES: usize = PART;
    const BYTES: usize = 2 * PART;
    type Scales<S: Unpack> = ();

    #[inline(always)]
    unsafe fn scales<S: Unpack>(_: *const u8) {}

    #[inline(always)]
    unsafe fn part<S: Unpack>(block: *const u8, (): &(), _: usize) -> [S; 2] {
        unsafe { [S::bf16(block), S::bf16(block.add(32))] }
    }
}
