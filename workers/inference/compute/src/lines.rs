//! Memory in whole cache lines.

use std::cell::RefCell;
use std::thread::LocalKey;

/// Sixteen floats: a cache line, and a vector of the widest set.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(crate) struct Line(pub(crate) [f32; 16]);

impl Line {
    pub(crate) const ZERO: Self = Self([0.0; 16]);
}

/// What a thread works in; it grows to the largest and stays.
pub(crate) type Memory = RefCell<Vec<Line>>;

/// Does `work` in `count` lines of whatever they hold.
///
/// # Panics
/// If `work` asks for the same memory.
pub(crate) fn with_lines<R>(
    memory: &'static LocalKey<Memory>,
    count: usize,
    work: impl FnOnce(&mut [Line]) -> R,
) -> R {
    memory.with_borrow_mut(|memory| {
        if memory.len() < count {
            memory.resize(count, Line::ZERO);
        }
        work(&mut memory[..count])
    })
}
