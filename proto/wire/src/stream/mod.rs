//! How a worker's answer is streamed: as lines, cut into frames of a dispatch's progress.
//!
//! A worker writes lines with the [`Encoder`]. A reader assembles them with an [`Assembler`], in
//! order and without duplicates, even if the bus loses, reorders or duplicates frames. A mark
//! follows the last line, so that a reader knows that it has all lines.

mod assembler;
mod encoder;

#[cfg(test)]
mod tests;

pub use assembler::{Assembler, Broken, Gaps};
pub use encoder::Encoder;

/// The end mark.
const END_MARK: &[u8] = b"[DONE]";
/// The longest line, in bytes.
pub const MAX_LINE: usize = 1024 * 1024;
