//! What one sequence has in a step.

use cortex_compute::{BLOCK, Span};

/// The next tokens of one sequence.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'a> {
    pub tokens: &'a [u32],
    /// How many tokens of the sequence are in the cache already.
    pub start: usize,
    /// The sequence's blocks, from its first token on; they reach at least to the last of `tokens`.
    pub blocks: &'a [u32],
    pub wants: Wants,
}

/// Which tokens' logits are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wants {
    Nothing,
    Last,
    All,
}

/// What is wrong with a piece; nothing was computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PieceError {
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

impl<'a> Piece<'a> {
    /// The position after its last token; no context reaches the largest number.
    pub fn end(&self) -> usize {
        self.start.saturating_add(self.tokens.len())
    }

    /// The blocks it reads and writes; [`Piece::check`] has seen that they are there.
    pub(crate) fn blocks(&self) -> &'a [u32] {
        &self.blocks[..self.end().div_ceil(BLOCK)]
    }

    /// How many rows of logits it gives.
    pub fn wanted(&self) -> usize {
        match self.wants {
            Wants::Nothing => 0,
            Wants::Last => 1,
            Wants::All => self.tokens.len(),
        }
    }

    pub(crate) fn check(&self, vocabulary: usize, context: usize, blocks: usize) -> Result<(), PieceError> {
        let end = self.end();
        if self.tokens.is_empty() {
            return Err(PieceError::Empty);
        }
        if end > context {
            return Err(PieceError::Context { end, context });
        }
        if end.div_ceil(BLOCK) > self.blocks.len() {
            return Err(PieceError::Blocks { given: self.blocks.len(), end });
        }
        if let Some(&token) = self.tokens.iter().find(|&&token| token as usize >= vocabulary) {
            return Err(PieceError::Token { token, vocabulary });
        }
        match self.blocks().iter().find(|&&block| block as usize >= blocks) {
            Some(&block) => Err(PieceError::Block { block, blocks }),
            None => Ok(()),
        }
    }
}

/// Sees that no piece uses a block that another one writes; the blocks are in the cache. Or says which does.
pub(crate) fn disjoint(pieces: &[Piece<'_>], blocks: usize) -> Result<(), (usize, PieceError)> {
    let mut written = vec![false; blocks];
    let parts = |piece: &Piece<'_>| piece.start / BLOCK;
    for (n, piece) in pieces.iter().enumerate() {
        for &block in &piece.blocks()[parts(piece)..] {
            if std::mem::replace(&mut written[block as usize], true) {
                return Err((n, PieceError::Written { block }));
            }
        }
    }
    for (n, piece) in pieces.iter().enumerate() {
        let read = &piece.blocks()[..parts(piece)];
        if let Some(&block) = read.iter().find(|&&block| written[block as usize]) {
            return Err((n, PieceError::Written { block }));
        }
    }
    Ok(())
}

/// The pieces' tokens as rows one after the other.
pub(crate) fn spans<'a>(pieces: &[Piece<'a>]) -> Vec<Span<'a>> {
    let rows = |piece: &Piece<'a>| (piece.start, piece.tokens.len());
    lay(pieces, rows)
}

/// The rows whose logits are wanted, one after the other.
pub(crate) fn wanted<'a>(pieces: &[Piece<'a>]) -> Vec<Span<'a>> {
    let rows = |piece: &Piece<'a>| (piece.end() - piece.wanted(), piece.wanted());
    lay(pieces, rows)
}

fn lay<'a>(pieces: &[Piece<'a>], rows: impl Fn(&Piece<'a>) -> (usize, usize)) -> Vec<Span<'a>> {
    let mut next = 0;
    let mut span = |piece: &Piece<'a>| {
        let (start, count) = rows(piece);
        let first = next;
        next += count;
        Span { rows: first..next, start, blocks: piece.blocks() }
    };
    pieces.iter().map(&mut span).filter(|span| !span.rows.is_empty()).collect()
}
