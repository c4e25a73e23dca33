//! Reading ahead of the hardware, which loses its way between the rows of a matrix.

/// Bytes that the memory gives at a time.
pub(crate) const LINE: usize = 64;

/// Asks for the line at `from`, which may be anywhere; nothing waits for it.
#[inline(always)]
pub(crate) fn prefetch(from: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 processor has it, and it never faults.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(from.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = from;
}
