//! Blocks of 32 values: one scale, for some formats a minimum, then the quants. Each byte holds two
//! 4-bit quants, a value and the one sixteen places after it. Fifth bits are in a word before the
//! quants.

use super::{Layout, PART};
use crate::simd::Unpack;

pub(crate) struct Q4_0;
pub(crate) struct Q4_1;
pub(crate) struct Q5_0;
pub(crate) struct Q5_1;
pub(crate) struct Q8_0;

// SAFETY: two bytes of scale, sixteen of quants.
unsafe impl Layout for Q4_0 {
    const VALUES: usize = PART;
    const BYTES: usize = 18;
    type Scales<S: Unpack> = S::Linear;

    #[inline(always)]
    unsafe fn scales<S: Unpack>(block: *const u8) -> S::Linear {
        unsafe { S::centred(S::splat_f16(block)) }
    }

    #[inline(always)]
    unsafe fn part<S: Unpack>(block: *const u8, line: &S::Linear, _: usize) -> [S; 2] {
        unsafe { nibbles(block.add(2), *line) }
    }
}

// SAFETY: four bytes of scale and smallest, sixteen of quants.
unsafe impl Layout for Q4_1 {
    const VALUES: usize = PART;
    const BYTES: usize = 20;
    type Scales<S: Unpack> = S::Linear;

    #[inline(always)]
    unsafe fn scales<S: Unpack>(block: *const u8) -> S::Linear {
        unsafe { S::line(S::splat_f16(block), S::splat_f16(block.add(2))) }
    }

    #[inline(always)]
    unsafe fn part<S: Unpack>(block: *const u8, line: &S::Linear, _: usize) -> [S; 2] {
        unsafe { nibbles(block.add(4), *line) }
    }
}

// SAFETY: two bytes of scale, four of fifth bits, sixteen of quants.
unsafe impl Layout for Q5_0 {
    const VALUES: usize = PART;
    const BYTES: usize = 22;
    type Scales<S: Unpack> = S;

    #[inline(always)]
    unsafe fn scales<S: Unpack>(block: *const u8) -> S {
        unsafe { S::splat_f16(block) }
    }

    #[inline(always)]
    unsafe fn part<S: Unpack>(block: *const u8, scale: &S, _: usize) -> [S; 2] {
        unsafe {
            let [low, high] = five_bits::<S>(block.add(2));
            [S::number(S::sub_int(low, 16)).mul(*scale), S::number(S::sub_int(high, 16)).mul(*scale)]
        }
    }
}

// SAFETY: four bytes of scale and smallest, four of fifth bits, sixteen of quants.
unsafe impl Layout for Q5_1 {
    const VALUES: usize = PART;
    const BYTES: usize = 24;
    type Scales<S: Unpack> = [S; 2];

    #[inline(always)]
    unsafe fn scales<S: Unpack>(block: *const u8) -> [S; 2] {
        unsafe { [S::splat_f16(block), S::splat_f16(block.add(2))] }
    }

    #[inline(always)]
    unsafe fn part<S: Unpack>(block: *const u8, [scale, smallest]: &[S; 2], _: usize) -> [S; 2] {
        unsafe {
            let [low, high] = five_bits::<S>(block.add(4));
            [S::number(low).mul_add(*scale, *smallest), S::number(high).mul_add(*scale, *smallest)]
        }
    }
}

// SAFETY: two bytes of scale, 32 of quants.
unsafe impl Layout for Q8_0 {
    const VALUES: usize = PART;
    const BYTES: usize = 34;
    type Scales<S: Unpack> = S;

    #[inline(always)]
    unsafe fn scales<S: Unpack>(block: *const u8) -> S {
        unsafe { S::splat_f16(block) }
    }

    #[inline(always)]
    unsafe fn part<S: Unpack>(block: *const u8, scale: &S, _: usize) -> [S; 2] {
        unsafe {
            let (low, high) = (S::signed_bytes(block.add(2)), S::signed_bytes(block.add(18)));
            [S::number(low).mul(*scale), S::number(high).mul(*scale)]
        }
    }
}

/// Returns the linear function's values at the low and at the high nibbles.
#[inline(always)]
unsafe fn nibbles<S: Unpack>(from: *const u8, line: S::Linear) -> [S; 2] {
    unsafe {
        let bytes = S::bytes(from);
        [S::evaluate(line, bytes), S::evaluate(line, S::right(bytes, 4))]
    }
}

#[inline(always)]
unsafe fn five_bits<S: Unpack>(from: *const u8) -> [S::Int; 2] {
    unsafe {
        let bytes = S::bytes(from.add(4));
        let fifth = from.cast::<u32>().read_unaligned();
        [
            S::or(S::and(bytes, 15), S::select_bits(fifth & 0xffff, 16)),
            S::or(S::right(bytes, 4), S::select_bits(fifth >> 16, 16)),
        ]
    }
}
