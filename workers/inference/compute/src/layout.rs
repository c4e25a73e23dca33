//! How each format's blocks become floats in registers.
//!
//! The layouts are ggml's. A weight is its quant times its block's scale, rounded once if it
//! doesn't fit a float. So every instruction set gets the same weights as a reader that converts
//! value by value.

mod blocks;
mod floats;
mod supers;

pub(crate) use blocks::{Q4_0, Q4_1, Q5_0, Q5_1, Q8_0};
pub(crate) use floats::{Bf16, F16, F32};
pub(crate) use supers::{Q2K, Q3K, Q4K, Q5K, Q6K};

use crate::format::Format;
use crate::simd::Unpack;

/// How many values a layout unpacks at once.
pub(crate) const PART: usize = 32;

/// A block layout.
///
/// # Safety
///
/// `scales` and `part` read `BYTES` bytes from `block`, which needs no alignment. They need the
/// instructions of `S`, which must have sixteen lanes.
pub(crate) unsafe trait Layout {
    /// The number of values in a block, a multiple of a part. Plain floats have no blocks, so for
    /// them it is one part.
    const VALUES: usize;
    const BYTES: usize;
    /// Values that all parts of a block need.
    type Scales<S: Unpack>: Copy;
    unsafe fn scales<S: Unpack>(block: *const u8) -> Self::Scales<S>;
    /// Returns 32 values of the part with this number, in the order of the columns.
    unsafe fn part<S: Unpack>(block: *const u8, scales: &Self::Scales<S>, part: usize) -> [S; 2];
}

/// Evaluates code for each part of a block. The loop is unrolled by hand, so that shifts are by
/// constants, and bytes that neighbouring parts share are read once.
macro_rules! each_part {
    ($layout:ty, $part:ident => $body:expr) => {
        $crate::layout::each_part!($layout, $part => $body; 0 1 2 3 4 5 6 7)
    };
    ($layout:ty, $part:ident => $body:expr; $($number:literal)*) => {
        $(if $number < <$layout>::VALUES / $crate::layout::PART {
            let $part: usize = $number;
            $body
        })*
    };
}
pub(crate) use each_part;

/// Evaluates an expression with the type of a format's layout.
macro_rules! with_layout {
    ($format:expr, $layout:ident => $result:expr) => {{
        macro_rules! with {
            ($name:ident) => {{
                type $layout = $crate::layout::$name;
                $result
            }};
        }
        match $format {
            $crate::format::Format::F32 => with!(F32),
            $crate::format::Format::F16 => with!(F16),
            $crate::format::Format::Bf16 => with!(Bf16),
            $crate::format::Format::Q4_0 => with!(Q4_0),
            $crate::format::Format::Q4_1 => with!(Q4_1),
            $crate::format::Format::Q5_0 => with!(Q5_0),
            $crate::format::Format::Q5_1 => with!(Q5_1),
            $crate::format::Format::Q8_0 => with!(Q8_0),
            $crate::format::Format::Q2K => with!(Q2K),
            $crate::format::Format::Q3K => with!(Q3K),
            $crate::format::Format::Q4K => with!(Q4K),
            $crate::format::Format::Q5K => with!(Q5K),
            $crate::format::Format::Q6K => with!(Q6K),
        }
    }};
}
pub(crate) use with_layout;

/// Widens consecutive values of a row to floats, from the start of a block to the end of one.
///
/// # Safety
///
/// `from` must be valid for the values' bytes and `to` for `count` floats. `count` must be a
/// multiple of the format's block.
#[inline(always)]
pub(crate) unsafe fn widen<S: Unpack>(format: Format, from: *const u8, count: usize, to: *mut f32) {
    unsafe { with_layout!(format, L => widen_blocks::<S::Wide, L>(from, count, to)) }
}

#[inline(always)]
unsafe fn widen_blocks<S: Unpack, L: Layout>(from: *const u8, count: usize, to: *mut f32) {
    unsafe {
        let blocks = count / L::VALUES;
        for block in 0..blocks {
            let (from, to) = (from.add(block * L::BYTES), to.add(block * L::VALUES));
            let scales = L::scales::<S>(from);
            each_part!(L, part => {
                let [low, high] = L::part(from, &scales, part);
                low.store(to.add(part * PART));
                high.store(to.add(part * PART + PART / 2));
            });
        }
        // Only plain floats have less than a block left.
        let left = count - blocks * L::VALUES;
        if left > 0 {
            let mut floats = [0.0; PART];
            for (half, vector) in tail::<S, L>(from.add(blocks * L::BYTES), left).into_iter().enumerate() {
                vector.store(floats.as_mut_ptr().add(half * PART / 2));
            }
            to.add(blocks * L::VALUES).copy_from_nonoverlapping(floats.as_ptr(), left);
        }
    }
}

/// Returns the last `left` values of a row of plain floats, followed by zeros.
///
/// # Safety
///
/// `from` must be valid for their bytes, and `left` must be less than a part.
#[inline(always)]
pub(crate) unsafe fn tail<S: Unpack, L: Layout>(from: *const u8, left: usize) -> [S; 2] {
    let mut block = [0u8; 4 * PART];
    unsafe {
        block.as_mut_ptr().copy_from_nonoverlapping(from, left * (L::BYTES / L::VALUES));
        let scales = L::scales::<S>(block.as_ptr());
        L::part(block.as_ptr(), &scales, 0)
    }
}
