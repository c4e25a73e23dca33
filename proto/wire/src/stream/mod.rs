//! How a worker's answer travels while it grows: lines, cut into frames of a dispatch's progress.
//!
//! A worker writes lines with the [`Encoder`]. A reader puts them together with an [`Assembler`], in their order and each once,
//! whatever the bus did to the frames. After the last line comes a mark, so that a reader knows that it has all of them.

mod assembler;
mod encoder;

#[cfg(test)]
mod tests;

pub use assembler::{Assembler, Broken, Gaps};
pub use encoder::Encoder;

/// The line that marks the end.
const LAST: &[u8] = b"[DONE]";
/// The longest line, in bytes.
pub const MAX_LINE: usize = 1024 * 1024;
