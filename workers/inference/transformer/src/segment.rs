//! What one sequence has in a step.

use cortex_compute::{BLOCK, Span};

/// The next tokens of one sequence.
#[derive(Debug, Clone, Copy)]
pub struct Segment<'a> {
    pub tokens: &'a [u32],
    /// How many tokens of the sequence are in the cache already.
    pub start: usize,
    /// The sequence's blocks, from its first token on; they reach at least to the last of `tokens`.
    pub blocks: &'a [u32],
    pub logits_for: LogitsFor,
}

/// Which tokens' logits are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogitsFor {
    Nothing,
    Last,
    All,
}

/// What is wrong with a piece; nothing was computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SegmentError {
    #[error("it has no tokens")]
    Empty,
    #[error("token {token} is not in the vocabulary of {vocabulary}")]
    Token { token: u32, vocabulary: usize },
    #[error("it ends at token {end} of a context of {context}")]
    Context { end: usize, context: usize },
    #[error("its {given} blocks don't reach token {end}")]
    Blocks { given: usize, end: usize },
    #[error("block {block} is not in a cache of {blocks}")]
    Block { block: u32, blocks: usize },
    #[error("block {block}, which it uses, is written in the same step")]
    Written { block: u32 },
}

impl<'a> Segment<'a> {
    /// The position after its last token; no context reaches the largest number.
    pub fn end(&self) -> usize {
        self.start.saturating_add(self.tokens.len())
    }

    /// The blocks it reads and writes; [`Segment::check`] has seen that they are there.
    pub(crate) fn blocks(&self) -> &'a [u32] {
        &self.blocks[..self.end().div_ceil(BLOCK)]
    }

    /// How many rows of logits it gives.
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

/// Sees that no piece uses a block that another one writes; the blocks are in the cache. Or says which does.
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

/// The pieces' tokens as rows one after the other.
pub(crate) fn spans<'a>(segments: &[Segment<'a>]) -> Vec<Span<'a>> {
    let rows = |segment: &Segment<'a>| (segment.start, segment.tokens.len());
    layout_spans(segments, rows)
}

/// The rows whose logits are wanted, one after the other.
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
