//! Vectors of floats, for the instruction sets we know.

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

/// An instruction set that this processor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Isa(Set);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Set {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// AVX-512, and tiles for products with quantised weights.
    #[cfg(target_arch = "x86_64")]
    Amx,
}

impl Isa {
    /// The best that this processor has.
    pub fn best() -> Self {
        Self::available().next().expect("every processor has the portable one")
    }

    /// What this processor has, the best first.
    pub fn available() -> impl Iterator<Item = Self> {
        #[cfg(target_arch = "x86_64")]
        let special = {
            let avx2 = is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("fma")
                && is_x86_feature_detected!("f16c");
            let avx512 = is_x86_feature_detected!("avx512f");
            let amx = avx512 && amx::available();
            [amx.then_some(Set::Amx), avx512.then_some(Set::Avx512), avx2.then_some(Set::Avx2)]
        };
        #[cfg(not(target_arch = "x86_64"))]
        let special = [None; 0];
        special.into_iter().flatten().chain([Set::Portable]).map(Self)
    }

    pub(crate) fn set(self) -> Set {
        self.0
    }
}

/// Runs a kernel generic over [`Simd`] on an [`Isa`]. The compiler specialises the loops inside because everything
/// between here and them is inlined.
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
            // SAFETY: there is no such `Isa` where `Isa::available` has not seen the instructions; what else a kernel
            // asks for, the function that dispatches it has made sure of.
            #[cfg(target_arch = "x86_64")]
            $crate::simd::Set::Avx512 | $crate::simd::Set::Amx => unsafe { avx512($($name),*) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            $crate::simd::Set::Avx2 => unsafe { avx2($($name),*) },
            // SAFETY: needs no instructions beyond the target's.
            $crate::simd::Set::Portable => unsafe {
                $kernel::<$crate::simd::Portable>($($name),*)
            },
        }
    }};
}
pub(crate) use dispatch;

/// A vector of `LANES` floats.
///
/// # Safety
/// Every method needs the processor to have the instructions, and pointers good for `LANES` floats, of any alignment.
pub(crate) unsafe trait Simd: Copy {
    const LANES: usize;
    /// Rows of a register tile two vectors wide.
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
    /// `2^self` for a whole number between -126 and 127.
    unsafe fn exp2_whole(self) -> Self;
    /// The nearest whole number.
    unsafe fn round(self) -> Self;
    unsafe fn sum(self) -> f32;
    unsafe fn largest(self) -> f32;
}
