//! Scratch memory in whole cache lines.

use std::cell::RefCell;
use std::thread::LocalKey;

/// Sixteen floats: a cache line, and a vector of the widest instruction set.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(crate) struct CacheLine(pub(crate) [f32; 16]);

impl CacheLine {
    pub(crate) const ZERO: Self = Self([0.0; 16]);
}

/// A thread's scratch memory. It grows to the largest size that was needed.
pub(crate) type Scratch = RefCell<Vec<CacheLine>>;

/// Runs `work` on `count` lines with arbitrary content.
///
/// # Panics
///
/// Panics if `work` uses the same memory.
pub(crate) fn with_lines<R>(
    memory: &'static LocalKey<Scratch>,
    count: usize,
    work: impl FnOnce(&mut [CacheLine]) -> R,
) -> R {
    memory.with_borrow_mut(|memory| {
        if memory.len() < count {
            memory.resize(count, CacheLine::ZERO);
        }
        work(&mut memory[..count])
    })
}
