//! Keys and values in pages, and the attention that reads them.
//!
//! For each layer, block and head, a page has the keys of the block's tokens, dimension after
//! dimension ([width][BLOCK]). Then it has their values, token after token ([BLOCK][stride], where
//! the stride is the width rounded up to whole vectors). So a score is a lane of a vector of
//! tokens, the result is a lane of a vector of dimensions, and nothing is summed across lanes.

mod attend;
mod store;
mod write;

pub use attend::{Heads, attend};
pub use store::{Pages, PagesError, Store};

use std::ops::Range;

/// Tokens in a block.
pub const BLOCK: usize = 32;

/// Consecutive tokens of one sequence.
#[derive(Debug, Clone)]
pub struct Span<'a> {
    /// Their rows among the rows of the call. The rows of a call's spans ascend.
    pub rows: Range<usize>,
    /// The position of the first token in the sequence.
    pub start: usize,
    /// The sequence's blocks from its first token on. Position `p` is in `blocks[p / BLOCK]`.
    pub blocks: &'a [u32],
}

impl Span<'_> {
    fn end(&self) -> usize {
        self.start + self.rows.len()
    }
}

/// Checks that every span has its own existing rows, and that the blocks of positions from
/// `first(span)` on are in the cache.
fn check(pages: &Pages, spans: &[Span<'_>], rows: usize, first: impl Fn(&Span<'_>) -> usize) {
    let mut free = 0;
    for span in spans {
        assert!(
            free <= span.rows.start && span.rows.start <= span.rows.end && span.rows.end <= rows,
            "rows {:?} of {rows}, after {free}",
            span.rows
        );
        free = span.rows.end;
        let used = span.blocks.get(first(span) / BLOCK..span.end().div_ceil(BLOCK));
        let known = |blocks: &[u32]| blocks.iter().all(|&block| (block as usize) < pages.blocks());
        assert!(used.is_some_and(known), "blocks {:?} up to position {}", span.blocks, span.end());
    }
}
