//! Blocks of 256 values in sub-blocks of 16 or 32, whose scales are themselves quantised.
//!
//! The quants of a half or quarter are in the same bytes as those of the next one, in other bits.

use super::{Layout, PART};
use crate::simd::Unpack;

pub(crate) struct Q2K;
pub(crate) struct Q3K;
pub(crate) struct Q4K;
pub(crate) struct Q5K;
pub(crate) struct Q6K;

/// Makes two vectors with one expression. This is a macro, because a closure would be compiled
/// without the kernel's instructions.
macro_rules! pair {
    ($name:ident in [$low:expr, $high:expr] => $vector:expr) => {
        [
            {
                let $name: usize = $low;
                $vector
            },
            {
                let $name: usize = $high;
                $vector
            },
        ]
    };
}

/// The scales and the shifts of up to sixteen sub-blocks.
type Affine = ([f32; 16], [f32; 16]);

// SAFETY: 16 bytes of scales and shifts, 64 of quants, 2 of scales' scale, 2 of shifts' scale.
unsafe impl Layout for Q2K {
    const VALUES: usize = 256;
    const BYTES: usize = 84;
    type Scales<S: Unpack> = Affine;

    #[inline(always)]
    unsafe fn scales<S: Unpack>(block: *const u8) -> Affine {
        unsafe {
            let bytes = S::bytes(block);
            (
                scaled::<S>(S::and(bytes, 15), S::splat_f16(block.add(80))),
                scaled::<S>(S::right(bytes, 4), negative(S::splat_f16(block.add(82)))),
            )
        }
    }

    #[inline(always)]
    unsafe fn part<S: Unpack>(block: *const u8, (scales, shifts): &Affine, part: usize) -> [S; 2] {
        unsafe {
            let quants = block.add(16 + part / 4 * PART);
            pair!(half in [0, 1] => {
                let bytes = S::right(S::bytes(quants.add(16 * half)), part as u32 % 4 * 2);
                let at = 2 * part + half;
                S::number(S::and(bytes, 3)).mul_add(S::splat(scales[at]), S::splat(shifts[at]))
            })
        }
    }
}

// SAFETY: 32 bytes of third bits, 64 of quants, 12 of scales, 2 of their scale.
unsafe impl Layout for Q3K {
    const VALUES: usize = 256;
    const BYTES: usize = 110;
    type Scales<S: Unpack> = [f32; 16];

    #[inline(always)]
    unsafe fn scales<S: Unpack>(block: *const u8) -> [f32; 16] {
        unsafe {
            // Low nibbles, then high nibbles. The last four bytes contain two more bits for each.
            let [a, b, c] = block.add(96).cast::<[u32; 3]>().read_unaligned();
            let word = |low: u32, high: u32| low & 0x0f0f_0f0f | (high & 0x0303_0303) << 4;
            let words = [word(a, c), word(b, c >> 2), word(a >> 4, c >> 4), word(b >> 4, c >> 6)];
            let scales = S::sub_int(S::bytes(words.as_ptr().cast()), 32);
            scaled::<S>(scales, S::splat_f16(block.add(108)))
        }
    }

    #[inline(always)]
    unsafe fn part<S: Unpack>(block: *const u8, scales: &[f32; 16], part: usize) -> [S; 2] {
        unsafe {
            let quants = block.add(32 + part / 4 * PART);
            pair!(half in [0, 1] => {
                let low = S::and(S::right(S::bytes(quants.add(16 * half)), part as u32 % 4 * 2), 3);
                let third = S::and(S::right(S::bytes(block.add(16 * half)), part as u32), 1);
                let whole = S::sub_int(S::or(low, S::left(third, 2)), 4);
                S::number(whole).mul(S::splat(scales[2 * part + half]))
            })
        }
    }
}

// SAFETY: 4 bytes of the scales' and the shifts' scale, 12 of scales and shifts, 128 of quants.
unsafe impl Layout for Q4K {
    const VALUES: usize = 256;
    const BYTES: usize = 144;
    type Scales<S: Unpack> = Affine;

    #[inline(always)]
    unsafe fn scales<S: Unpack>(block: *const u8) -> Affine {
        unsafe { six_bits::<S>(block) }
    }

    #[inline(always)]
    unsafe fn part<S: Unpack>(block: *const u8, (scales, shifts): &Affine, part: usize) -> [S; 2] {
        unsafe {
            let quants = block.add(16 + part / 2 * PART);
            let line = S::line(S::splat(scales[part]), S::splat(shifts[8 + part]));
            pair!(at in [0, 16] => S::evaluate(line, S::right(S::bytes(quants.add(at)), part as u32 % 2 * 4)))
        }
    }
}

// SAFETY: 4 bytes of the scales' and the shifts' scale, 12 of scales and shifts, 32 of fifth bits,
// 128 of quants.
unsafe impl Layout for Q5K {
    const VALUES: usize = 256;
    const BYTES: usize = 176;
    type Scales<S: Unpack> = Affine;

    #[inline(always)]
    unsafe fn scales<S: Unpack>(block: *const u8) -> Affine {
        unsafe { six_bits::<S>(block) }
    }

    #[inline(always)]
    unsafe fn part<S: Unpack>(block: *const u8, (scales, shifts): &Affine, part: usize) -> [S; 2] {
        unsafe {
            let quants = block.add(48 + part / 2 * PART);
            let (scale, shift) = (S::splat(scales[part]), S::splat(shifts[8 + part]));
            pair!(at in [0, 16] => {
                let low = S::and(S::right(S::bytes(quants.add(at)), part as u32 % 2 * 4), 15);
                let fifth = S::and(S::right(S::bytes(block.add(16 + at)), part as u32), 1);
                S::number(S::or(low, S::left(fifth, 4))).mul_add(scale, shift)
            })
        }
    }
}

// SAFETY: 128 bytes of low nibbles, 64 of high pairs of bits, 16 of scales, 2 of their scale.
unsafe impl Layout for Q6K {
    const VALUES: usize = 256;
    const BYTES: usize = 210;
    type Scales<S: Unpack> = [f32; 16];

    #[inline(always)]
    unsafe fn scales<S: Unpack>(block: *const u8) -> [f32; 16] {
        unsafe { scaled::<S>(S::signed_bytes(block.add(192)), S::splat_f16(block.add(208))) }
    }

    #[inline(always)]
    unsafe fn part<S: Unpack>(block: *const u8, scales: &[f32; 16], part: usize) -> [S; 2] {
        unsafe {
            let (half, quarter) = (part / 4, part % 4);
            let lows = block.add(half * 64 + quarter % 2 * PART);
            let highs = block.add(128 + half * PART);
            pair!(vector in [0, 1] => {
                let low = S::and(S::right(S::bytes(lows.add(16 * vector)), quarter as u32 / 2 * 4), 15);
                let high = S::and(S::right(S::bytes(highs.add(16 * vector)), quarter as u32 * 2), 3);
                let whole = S::sub_int(S::or(low, S::left(high, 4)), 32);
                S::number(whole).mul(S::splat(scales[2 * part + vector]))
            })
        }
    }
}

/// Returns the eight scales of a block of Q4K or Q5K, followed by the eight shifts. Each has six
/// bits in twelve bytes, and the last four of each keep their high bits above the first four.
#[inline(always)]
unsafe fn six_bits<S: Unpack>(block: *const u8) -> Affine {
    unsafe {
        let [a, b, c] = block.add(4).cast::<[u32; 3]>().read_unaligned();
        let first = |word: u32| word & 0x3f3f_3f3f;
        let last = |low: u32, high: u32| low & 0x0f0f_0f0f | (high >> 6 & 0x0303_0303) << 4;
        let words = [first(a), last(c, a), first(b), last(c >> 4, b)];
        let whole = S::bytes(words.as_ptr().cast());
        (scaled::<S>(whole, S::splat_f16(block)), scaled::<S>(whole, negative(S::splat_f16(block.add(2)))))
    }
}

#[inline(always)]
unsafe fn scaled<S: Unpack>(whole: S::Int, scale: S) -> [f32; 16] {
    let mut floats = [0.0; 16];
    unsafe { S::number(whole).mul(scale).store(floats.as_mut_ptr()) };
    floats
}

#[inline(always)]
unsafe fn negative<S: Unpack>(x: S) -> S {
    unsafe { x.mul(S::splat(-1.0)) }
}
