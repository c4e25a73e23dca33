//! Blocks of 32: one scale, for some a smallest value, then the quants. Four bits are kept as in one byte the value and
//! the sixteenth after it; the fifth bits are a word before them.

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
    type Scales<S: Unpack> = S::Line;

    #[inline(always)]
    unsafe fn scales<S: Unpack>(block: *const u8) -> S::Line {
        unsafe { S::centred(S::splat_half(block)) }
    }

    #[inline(always)]
    unsafe fn part<S: Unpack>(block: *const u8, line: &S::Line, _: usize) -> [S; 2] {
        unsafe { nibbles(block.add(2), *line) }
    }
}

// SAFETY: four bytes of scale and smallest, sixteen of quants.
unsafe impl Layout for Q4_1 {
    const VALUES: usize = PART;
    const BYTES: usize = 20;
    type Scales<S: Unpack> = S::Line;

    #[inline(always)]
    unsafe fn scales<S: Unpack>(block: *const u8) -> S::Line {
        unsafe { S::line(S::splat_half(block), S::splat_half(block.add(2))) }
    }

    #[inline(always)]
    unsafe fn part<S: Unpack>(block: *const u8, line: &S::Line, _: usize) -> [S; 2] {
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
        unsafe { S::splat_half(block) }
    }

    #[inline(always)]
    unsafe fn part<S: Unpack>(block: *const u8, scale: &S, _: usize) -> [S; 2] {
        unsafe {
            let [low, high] = five_bits::<S>(block.add(2));
            [S::number(S::minus(low, 16)).mul(*scale), S::number(S::minus(high, 16)).mul(*scale)]
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
        unsafe { [S::splat_half(block), S::splat_half(block.add(2))] }
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
        unsafe { S::splat_half(block) }
    }

    #[inline(always)]
    unsafe fn part<S: Unpack>(block: *const u8, scale: &S, _: usize) -> [S; 2] {
        unsafe {
            let (low, high) = (S::signed_bytes(block.add(2)), S::signed_bytes(block.add(18)));
            [S::number(low).mul(*scale), S::number(high).mul(*scale)]
        }
    }
}

/// The values on a line at the low and at the high nibbles.
#[inline(always)]
unsafe fn nibbles<S: Unpack>(from: *const u8, line: S::Line) -> [S; 2] {
    unsafe {
        let bytes = S::bytes(from);
        [S::on(line, bytes), S::on(line, S::right(bytes, 4))]
    }
}

#[inline(always)]
unsafe fn five_bits<S: Unpack>(from: *const u8) -> [S::Whole; 2] {
    unsafe {
        let bytes = S::bytes(from.add(4));
        let fifth = from.cast::<u32>().read_unaligned();
        [
            S::or(S::and(bytes, 15), S::chosen(fifth & 0xffff, 16)),
            S::or(S::right(bytes, 4), S::chosen(fifth >> 16, 16)),
        ]
    }
}
