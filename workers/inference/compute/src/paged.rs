//! Keys and values in pages, and the attention that reads them.
//!
//! For each layer, block and head lie first the keys of the block's tokens, dimension after dimension ([width][BLOCK]),
//! then their values, token after token ([BLOCK][stride], the stride being the width up to whole vectors). So a score is
//! a lane of a vector of tokens, the result a lane of a vector of dimensions, and nothing is summed across lanes.

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
    /// Their rows among the rows of the call. The spans of a call go up the rows.
    pub rows: Range<usize>,
    /// The first one's position in the sequence.
    pub start: usize,
    /// The sequence's blocks, from its first token on; position `p` lies in `blocks[p / BLOCK]`.
    pub blocks: &'a [u32],
}

impl Span<'_> {
    fn end(&self) -> usize {
        self.start + self.rows.len()
    }
}

/// Sees that every span's rows are there and its own, and the blocks of positions from `first(span)` on are the cache's.
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
