//! Prefetching, because the hardware prefetcher does not follow the rows of a matrix.

/// The bytes of a cache line.
pub(crate) const LINE: usize = 64;

/// Prefetches the line at `from`, which may be any address, without waiting for it.
#[inline(always)]
pub(crate) fn prefetch(from: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 processor has the instruction, and it never faults.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(from.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = from;
}
