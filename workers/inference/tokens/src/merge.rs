//! The merge loop that BPE and SentencePiece share: of all adjacent pairs that form a token, it
//! merges the pair with the best rank first (the leftmost among equals) until no pair is left.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Represents no token.
pub(crate) const NONE: u32 = u32::MAX;

/// A part of the text, and the token it forms, if any.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Symbol {
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) token: u32,
    /// Indices of the neighbours, or [`NONE`].
    previous: u32,
    next: u32,
}

/// The result of merging two neighbours; a lower rank goes first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Merge {
    pub(crate) rank: u32,
    pub(crate) token: u32,
}

/// Reuses its memory from one text to the next. A text of `n` symbols takes `O(n log n)`.
#[derive(Debug, Default)]
pub(crate) struct Merger {
    symbols: Vec<Symbol>,
    candidates: BinaryHeap<Reverse<Candidate>>,
}

/// Ordered by rank, then from the left. The end positions show whether both halves are still
/// unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    rank: u32,
    left: u32,
    middle: u32,
    end: u32,
    token: u32,
}

impl Merger {
    pub(crate) fn clear(&mut self) {
        self.symbols.clear();
        self.candidates.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.symbols.len()
    }

    /// Appends a symbol, which begins where the last one ends.
    pub(crate) fn push(&mut self, end: u32, token: u32) {
        let index = self.symbols.len() as u32;
        let (start, previous) = match self.symbols.last_mut() {
            Some(last) => {
                last.next = index;
                (last.end, index - 1)
            }
            None => (0, NONE),
        };
        self.symbols.push(Symbol { start, end, token, previous, next: NONE });
    }

    /// Merges as long as `find` finds a pair, and returns the remaining tokens from the left.
    pub(crate) fn merge(
        &mut self,
        find: impl Fn(&Symbol, &Symbol) -> Option<Merge>,
    ) -> impl Iterator<Item = Symbol> {
        for left in 1..self.symbols.len() as u32 {
            self.consider(left - 1, left, &find);
        }
        while let Some(Reverse(candidate)) = self.candidates.pop() {
            self.apply(candidate, &find);
        }
        let mut at = if self.symbols.is_empty() { NONE } else { 0 };
        std::iter::from_fn(move || {
            let symbol = *self.symbols.get(at as usize)?;
            at = symbol.next;
            Some(symbol)
        })
    }

    fn apply(&mut self, candidate: Candidate, find: &impl Fn(&Symbol, &Symbol) -> Option<Merge>) {
        let left = self.symbols[candidate.left as usize];
        let Some(&right) = self.symbols.get(left.next as usize) else { return };
        if left.end != candidate.middle || right.end != candidate.end {
            return;
        }
        // A symbol that was merged away gets an empty range, so that no other candidate matches it.
        self.symbols[left.next as usize].end = right.start;
        let merged = &mut self.symbols[candidate.left as usize];
        (merged.end, merged.token, merged.next) = (right.end, candidate.token, right.next);
        if let Some(next) = self.symbols.get_mut(right.next as usize) {
            next.previous = candidate.left;
            self.consider(candidate.left, right.next, find);
        }
        if left.previous != NONE {
            self.consider(left.previous, candidate.left, find);
        }
    }

    fn consider(&mut self, left: u32, right: u32, find: &impl Fn(&Symbol, &Symbol) -> Option<Merge>) {
        let (first, second) = (&self.symbols[left as usize], &self.symbols[right as usize]);
        if let Some(Merge { rank, token }) = find(first, second) {
            let candidate = Candidate { rank, left, middle: first.end, end: second.end, token };
            self.candidates.push(Reverse(candidate));
        }
    }
}
