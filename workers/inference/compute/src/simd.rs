//! Vectors of floats, for the supported instruction sets.

#[cfg(target_arch = "x86_64")]
pub(crate) mod amx;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod halves;
mod portable;
mod prefetch;
mod twice;
mod unpack;

#[cfg(target_arch = "x86_64")]
pub(crate) use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) use avx512::Avx512;
pub(crate) use portable::Portable;
pub(crate) use prefetch::{LINE, prefetch};
pub(crate) use twice::Twice;
pub(crate) use unpack::Unpack;

/// An instruction set that this processor supports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Isa(InstructionSet);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InstructionSet {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// AVX-512, with tiles for products with quantised weights.
    #[cfg(target_arch = "x86_64")]
    Amx,
}

impl Isa {
    /// Returns the best instruction set of this processor.
    pub fn best() -> Self {
        Self::available().next().expect("every processor has the portable one")
    }

    /// Returns the instruction sets of this processor, the best first.
    pub fn available() -> impl Iterator<Item = Self> {
        #[cfg(target_arch = "x86_64")]
        let special = {
            let avx2 = is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("fma")
                && is_x86_feature_detected!("f16c");
            let avx512 = is_x86_feature_detected!("avx512f");
            let amx = avx512 && amx::available();
            [
                amx.then_some(InstructionSet::Amx),
                avx512.then_some(InstructionSet::Avx512),
                avx2.then_some(InstructionSet::Avx2),
            ]
        };
        #[cfg(not(target_arch = "x86_64"))]
        let special = [None; 0];
        special.into_iter().flatten().chain([InstructionSet::Portable]).map(Self)
    }

    pub(crate) fn set(self) -> InstructionSet {
        self.0
    }
}

/// Runs a kernel that is generic over [`Simd`] on an [`Isa`]. The compiler specialises the loops
/// inside, because everything between this macro and them is inlined.
macro_rules! dispatch {
    ($isa:expr, $kernel:ident($($name:ident: $type:ty),* $(,)?)) => {{
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx512f")]
        fn avx512($($name: $type),*) {
            // SAFETY: this function has the instructions.
            unsafe { $kernel::<$crate::simd::Avx512>($($name),*) }
        }
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,fma,f16c")]
        fn avx2($($name: $type),*) {
            // SAFETY: this function has the instructions.
            unsafe { $kernel::<$crate::simd::Avx2>($($name),*) }
        }
        match $isa.set() {
            // SAFETY: such an `Isa` exists only if `Isa::available` found the instructions. The
            // function that dispatches a kernel guarantees its other conditions.
            #[cfg(target_arch = "x86_64")]
            $crate::simd::InstructionSet::Avx512 | $crate::simd::InstructionSet::Amx => unsafe { avx512($($name),*) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            $crate::simd::InstructionSet::Avx2 => unsafe { avx2($($name),*) },
            // SAFETY: it needs no instructions beyond the target's.
            $crate::simd::InstructionSet::Portable => unsafe {
                $kernel::<$crate::simd::Portable>($($name),*)
            },
        }
    }};
}
pub(crate) use dispatch;

/// A vector of `LANES` floats.
///
/// # Safety
///
/// Every method needs a processor with the instructions. Pointers must be valid for `LANES` floats
/// and need no alignment.
pub(crate) unsafe trait Simd: Copy {
    const LANES: usize;
    /// Rows in a register tile that is two vectors wide.
    const ROWS: usize;
    unsafe fn splat(x: f32) -> Self;
    unsafe fn load(from: *const f32) -> Self;
    unsafe fn store(self, to: *mut f32);
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn sub(self, other: Self) -> Self;
    unsafe fn mul(self, other: Self) -> Self;
    unsafe fn div(self, other: Self) -> Self;
    unsafe fn max(self, other: Self) -> Self;
    unsafe fn min(self, other: Self) -> Self;
    /// `self * a + b`
    unsafe fn mul_add(self, a: Self, b: Self) -> Self;
    /// `2^self` for an integer from -126 to 127.
    unsafe fn exp2_whole(self) -> Self;
    /// Rounds to the nearest integer.
    unsafe fn round(self) -> Self;
    unsafe fn sum(self) -> f32;
    unsafe fn largest(self) -> f32;
}
