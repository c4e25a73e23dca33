//! A segment: what one sequence adds to a step.

use cortex_compute::{BLOCK, Span};

/// The next tokens of one sequence.
#[derive(Debug, Clone, Copy)]
pub struct Segment<'a> {
    pub tokens: &'a [u32],
    /// How many tokens of the sequence are already in the cache.
    pub start: usize,
    /// The sequence's blocks from its first token on, at least up to the last of `tokens`.
    pub blocks: &'a [u32],
    pub logits_for: LogitsFor,
}

/// Which tokens' logits to return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogitsFor {
    Nothing,
    Last,
    All,
}

/// Why a segment is invalid. Nothing was computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SegmentError {
    #[error("the segment has no tokens")]
    Empty,
    #[error("token {token} is not in the vocabulary of {vocabulary}")]
    Token { token: u32, vocabulary: usize },
    #[error("the segment ends at token {end}, beyond the context of {context}")]
    Context { end: usize, context: usize },
    #[error("the segment has {given} blocks, too few for token {end}")]
    Blocks { given: usize, end: usize },
    #[error("block {block} is not in a cache of {blocks}")]
    Block { block: u32, blocks: usize },
    #[error("another segment of the step writes block {block}")]
    Written { block: u32 },
}

impl<'a> Segment<'a> {
    /// Returns the position after its last token. The largest number exceeds every context.
    pub fn end(&self) -> usize {
        self.start.saturating_add(self.tokens.len())
    }

    /// Returns the blocks that it reads and writes. [`Segment::check`] has verified that they
    /// exist.
    pub(crate) fn blocks(&self) -> &'a [u32] {
        &self.blocks[..self.end().div_ceil(BLOCK)]
    }

    /// Returns how many rows of logits it yields.
    pub fn logit_rows(&self) -> usize {
        match self.logits_for {
            LogitsFor::Nothing => 0,
            LogitsFor::Last => 1,
            LogitsFor::All => self.tokens.len(),
        }
    }

    pub(crate) fn check(&self, vocabulary: usize, context: usize, blocks: usize) -> Result<(), SegmentError> {
        let end = self.end();
        if self.tokens.is_empty() {
            return Err(SegmentError::Empty);
        }
        if end > context {
            return Err(SegmentError::Context { end, context });
        }
        if end.div_ceil(BLOCK) > self.blocks.len() {
            return Err(SegmentError::Blocks { given: self.blocks.len(), end });
        }
        if let Some(&token) = self.tokens.iter().find(|&&token| token as usize >= vocabulary) {
            return Err(SegmentError::Token { token, vocabulary });
        }
        match self.blocks().iter().find(|&&block| block as usize >= blocks) {
            Some(&block) => Err(SegmentError::Block { block, blocks }),
            None => Ok(()),
        }
    }
}

/// Checks that no segment uses a block that another one writes. Returns the first segment that
/// does. All blocks must be in the cache.
pub(crate) fn check_disjoint(segments: &[Segment<'_>], blocks: usize) -> Result<(), (usize, SegmentError)> {
    let mut written = vec![false; blocks];
    let parts = |segment: &Segment<'_>| segment.start / BLOCK;
    for (n, segment) in segments.iter().enumerate() {
        for &block in &segment.blocks()[parts(segment)..] {
            if std::mem::replace(&mut written[block as usize], true) {
                return Err((n, SegmentError::Written { block }));
            }
        }
    }
    for (n, segment) in segments.iter().enumerate() {
        let read = &segment.blocks()[..parts(segment)];
        if let Some(&block) = read.iter().find(|&&block| written[block as usize]) {
            return Err((n, SegmentError::Written { block }));
        }
    }
    Ok(())
}

/// Returns the segments' tokens as consecutive rows.
pub(crate) fn spans<'a>(segments: &[Segment<'a>]) -> Vec<Span<'a>> {
    let rows = |segment: &Segment<'a>| (segment.start, segment.tokens.len());
    layout_spans(segments, rows)
}

/// Returns the rows whose logits were requested, as consecutive rows.
pub(crate) fn logit_spans<'a>(segments: &[Segment<'a>]) -> Vec<Span<'a>> {
    let rows = |segment: &Segment<'a>| (segment.end() - segment.logit_rows(), segment.logit_rows());
    layout_spans(segments, rows)
}

fn layout_spans<'a>(
    segments: &[Segment<'a>],
    rows: impl Fn(&Segment<'a>) -> (usize, usize),
) -> Vec<Span<'a>> {
    let mut next = 0;
    let mut span = |segment: &Segment<'a>| {
        let (start, count) = rows(segment);
        let first = next;
        next += count;
        Span { rows: first..next, start, blocks: segment.blocks() }
    };
    segments.iter().map(&mut span).filter(|span| !span.rows.is_empty()).collect()
}
