//! Conversion from stored bits to floats.

use super::Simd;

/// A vector that can be unpacked from stored weights.
///
/// # Safety
///
/// See [`Simd`]. Pointers must be valid for as many stored values as there are lanes.
pub(crate) unsafe trait Unpack: Simd {
    /// A vector of sixteen lanes made of these.
    type Wide: Unpack;
    /// A small integer per lane.
    type Int: Copy;
    /// A linear function, as its sixteen values `start + n * slope`.
    type Linear: Copy;
    unsafe fn bytes(from: *const u8) -> Self::Int;
    unsafe fn signed_bytes(from: *const u8) -> Self::Int;
    /// Returns `value` in each lane whose bit is set, and 0 elsewhere.
    unsafe fn select_bits(bits: u32, value: i32) -> Self::Int;
    unsafe fn and(whole: Self::Int, mask: i32) -> Self::Int;
    unsafe fn or(whole: Self::Int, other: Self::Int) -> Self::Int;
    unsafe fn sub_int(whole: Self::Int, less: i32) -> Self::Int;
    /// Shifts to the left. `by` must be less than 32.
    unsafe fn left(whole: Self::Int, by: u32) -> Self::Int;
    /// Shifts to the right. `by` must be less than 32.
    unsafe fn right(whole: Self::Int, by: u32) -> Self::Int;
    unsafe fn number(whole: Self::Int) -> Self;
    unsafe fn line(slope: Self, start: Self) -> Self::Linear;
    /// Returns the linear function that is zero at eight.
    unsafe fn centred(slope: Self) -> Self::Linear;
    /// Returns the linear function's values at the lowest four bits of each lane.
    unsafe fn evaluate(line: Self::Linear, whole: Self::Int) -> Self;
    /// Loads 16-bit floats.
    unsafe fn f16(from: *const u8) -> Self;
    /// Broadcasts one 16-bit float to all lanes.
    unsafe fn splat_f16(from: *const u8) -> Self;
    /// Loads bfloat16 values, each the high half of a float.
    unsafe fn bf16(from: *const u8) -> Self;
}
