//! The processor's tiles: registers of sixteen lines that it multiplies as whole matrices of bytes.
//!
//! The instructions are inline assembly, because the standard library's functions for them are not
//! stable yet.

use std::arch::asm;
use std::sync::LazyLock;

use super::LINE;

/// Returns whether the processor has tiles, and the system lets this process use them.
pub(crate) fn available() -> bool {
    static AVAILABLE: LazyLock<bool> = LazyLock::new(|| has_tiles() && permitted());
    *AVAILABLE
}

/// Returns whether the processor has tiles, their products of bytes, and the vectors that go with
/// them.
fn has_tiles() -> bool {
    let features = std::arch::x86_64::__cpuid_count(7, 0).edx;
    let (tiles, bytes) = (1 << 24, 1 << 25);
    features & tiles != 0
        && features & bytes != 0
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512vnni")
}

/// Asks Linux for permission to use tiles.
#[cfg(target_os = "linux")]
fn permitted() -> bool {
    const ARCH_PRCTL: i64 = 158;
    const REQUEST_STATE: u64 = 0x1023;
    const TILE_DATA: u64 = 18;
    let answer: i64;
    // SAFETY: the call takes two numbers, and a kernel that doesn't know it returns an error.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") ARCH_PRCTL => answer,
            in("rdi") REQUEST_STATE,
            in("rsi") TILE_DATA,
            out("rcx") _,
            out("r11") _,
            options(nostack),
        );
    }
    answer == 0
}

#[cfg(not(target_os = "linux"))]
fn permitted() -> bool {
    false
}

/// Configures the tiles' shapes on this thread, and restores the previous ones on drop.
///
/// Tiles 0 to 3 are products, 4 and 5 activations, 6 and 7 weights.
pub(crate) struct Shapes {
    before: Palette,
}

/// The configuration in the processor's format.
#[repr(C, align(64))]
struct Palette {
    number: u8,
    start: u8,
    reserved: [u8; 14],
    line_bytes: [u16; 16],
    lines: [u8; 16],
}

impl Palette {
    const NONE: Self = Self { number: 0, start: 0, reserved: [0; 14], line_bytes: [0; 16], lines: [0; 16] };
}

impl Shapes {
    /// Configures products of up to sixteen rows over `depth` columns at a time, 32 or 64.
    ///
    /// # Safety
    ///
    /// Needs [`available`] tiles.
    pub(crate) unsafe fn new(rows: usize, depth: usize) -> Self {
        let mut palette = Palette { number: 1, ..Palette::NONE };
        for (tiles, lines, bytes) in [(0..4, rows, LINE), (4..6, rows, depth), (6..8, depth / 4, LINE)] {
            for tile in tiles {
                (palette.lines[tile], palette.line_bytes[tile]) = (lines as u8, bytes as u16);
            }
        }
        let mut before = Palette::NONE;
        // SAFETY: `before` has room for a configuration, and the other one is valid.
        unsafe {
            asm!("sttilecfg [{}]", in(reg) &raw mut before, options(nostack, preserves_flags));
            asm!("ldtilecfg [{}]", in(reg) &raw const palette, options(nostack, preserves_flags));
        }
        Self { before }
    }
}

impl Drop for Shapes {
    fn drop(&mut self) {
        // SAFETY: the processor has tiles, because this value exists. The configuration came from
        // the processor.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const self.before, options(nostack, preserves_flags)) };
    }
}

macro_rules! store_tile {
    ($product:tt, $to:expr) => {
        asm!(
            concat!("tilestored [{to} + {line}], ", $product),
            to = in(reg) $to,
            line = in(reg) LINE,
            options(nostack, preserves_flags),
        )
    };
}

/// Multiplies sixteen rows of digits with sixteen rows of weights over 32 columns, into one of two
/// tiles.
///
/// # Safety
///
/// [`Shapes`] of 32 columns are configured. `x` is valid for sixteen rows, and `weights` for eight
/// lines.
#[inline(always)]
pub(crate) unsafe fn multiply(second: bool, x: *const i8, weights: *const i8) {
    macro_rules! with {
        ($product:tt, $x:tt, $weights:tt) => {
            asm!(
                concat!("tilezero ", $product),
                concat!("tileloadd ", $x, ", [{x} + {row}]"),
                concat!("tileloadd ", $weights, ", [{weights} + {line}]"),
                concat!("tdpbssd ", $product, ", ", $x, ", ", $weights),
                x = in(reg) x,
                weights = in(reg) weights,
                row = in(reg) LINE / 2,
                line = in(reg) LINE,
                out($product) _,
                out($x) _,
                out($weights) _,
                options(nostack, preserves_flags, readonly),
            )
        };
    }
    unsafe {
        if second {
            with!("tmm1", "tmm5", "tmm7");
        } else {
            with!("tmm0", "tmm4", "tmm6");
        }
    }
}

/// Starts the products of [`add_planes`].
///
/// # Safety
///
/// [`Shapes`] are configured.
#[inline(always)]
pub(crate) unsafe fn begin_planes() {
    unsafe {
        asm!(
            "tilezero tmm0",
            "tilezero tmm1",
            "tilezero tmm2",
            "tilezero tmm3",
            out("tmm0") _,
            out("tmm1") _,
            out("tmm2") _,
            out("tmm3") _,
            options(nostack, preserves_flags, nomem),
        );
    }
}

/// Multiplies rows of three digits with both planes of sixteen rows of weights over 64 columns, and
/// adds up products of equal weight. The first has the high plane with the highest digits. The
/// second has the low plane with the highest digits, and the high plane with the middle digits.
/// This goes on to the low plane with the lowest digits.
///
/// # Safety
///
/// [`Shapes`] of 64 columns are configured, and [`begin_planes`] was called. `x` is valid for a
/// tile of the highest digits, and the other digits are `next` bytes further each. `weights` is
/// valid for a tile of each plane.
#[inline(always)]
pub(crate) unsafe fn add_planes(x: *const i8, next: usize, weights: *const i8) {
    unsafe {
        asm!(
            "tileloadd tmm6, [{weights} + {line}]",
            "tileloadd tmm4, [{x} + {line}]",
            "tdpbssd tmm0, tmm4, tmm6",
            "tileloadd tmm7, [{weights} + {line} + 1024]",
            "tdpbssd tmm1, tmm4, tmm7",
            "tileloadd tmm5, [{middle} + {line}]",
            "tdpbssd tmm2, tmm5, tmm7",
            "tileloadd tmm4, [{lowest} + {line}]",
            "tdpbssd tmm3, tmm4, tmm7",
            "tdpbssd tmm1, tmm5, tmm6",
            "tdpbssd tmm2, tmm4, tmm6",
            x = in(reg) x,
            middle = in(reg) x.wrapping_add(next),
            lowest = in(reg) x.wrapping_add(2 * next),
            weights = in(reg) weights,
            line = in(reg) LINE,
            out("tmm0") _,
            out("tmm1") _,
            out("tmm2") _,
            out("tmm3") _,
            out("tmm4") _,
            out("tmm5") _,
            out("tmm6") _,
            out("tmm7") _,
            options(nostack, preserves_flags, readonly),
        );
    }
}

/// Stores a product, with a line for each row of digits and an integer for each row of weights.
///
/// # Safety
///
/// [`multiply`] computed it, and `to` is valid for sixteen lines.
#[inline(always)]
pub(crate) unsafe fn store(second: bool, to: *mut i32) {
    unsafe {
        if second {
            store_tile!("tmm1", to);
        } else {
            store_tile!("tmm0", to);
        }
    }
}

/// Stores the four products of [`add_planes`], sixteen lines each.
///
/// # Safety
///
/// They were computed, and `to` is valid for 64 lines.
#[inline(always)]
pub(crate) unsafe fn store_planes(to: *mut i32) {
    let tile = |number: usize| to.wrapping_add(number * 16 * LINE / size_of::<i32>());
    unsafe {
        store_tile!("tmm0", tile(0));
        store_tile!("tmm1", tile(1));
        store_tile!("tmm2", tile(2));
        store_tile!("tmm3", tile(3));
    }
}
