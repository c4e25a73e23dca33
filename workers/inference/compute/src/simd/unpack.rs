//! From stored bits to floats.

use super::Simd;

/// A vector that can be made from stored weights.
///
/// # Safety
/// As of [`Simd`]; a pointer must be good for as many values of the stored kind as there are lanes.
pub(crate) unsafe trait Unpack: Simd {
    /// As many of these as make sixteen lanes.
    type Wide: Unpack;
    /// A small whole number per lane.
    type Whole: Copy;
    /// The sixteen values `start + n * slope`.
    type Line: Copy;
    unsafe fn bytes(from: *const u8) -> Self::Whole;
    unsafe fn signed_bytes(from: *const u8) -> Self::Whole;
    /// `value` in each lane whose bit is set, otherwise 0.
    unsafe fn chosen(bits: u32, value: i32) -> Self::Whole;
    unsafe fn and(whole: Self::Whole, mask: i32) -> Self::Whole;
    unsafe fn or(whole: Self::Whole, other: Self::Whole) -> Self::Whole;
    unsafe fn minus(whole: Self::Whole, less: i32) -> Self::Whole;
    /// Shifted towards the high bits; `by` is below 32.
    unsafe fn left(whole: Self::Whole, by: u32) -> Self::Whole;
    /// Shifted towards the low bits; `by` is below 32.
    unsafe fn right(whole: Self::Whole, by: u32) -> Self::Whole;
    unsafe fn number(whole: Self::Whole) -> Self;
    unsafe fn line(slope: Self, start: Self) -> Self::Line;
    /// The line that is zero at eight.
    unsafe fn centred(slope: Self) -> Self::Line;
    /// The values on a line at the lowest four bits of each lane.
    unsafe fn on(line: Self::Line, whole: Self::Whole) -> Self;
    /// Floats of 16 bits.
    unsafe fn halves(from: *const u8) -> Self;
    /// One float of 16 bits in every lane.
    unsafe fn splat_half(from: *const u8) -> Self;
    /// Brain floats: the high half of a float.
    unsafe fn brains(from: *const u8) -> Self;
}
