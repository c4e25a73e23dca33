//! Writes keys and values into the pages.

use super::store::{Aligned, Element, Values};
use super::{BLOCK, Pages, Span, check};

impl Pages {
    /// Writes the keys and values of a layer. Both have a row per token, with all heads side by
    /// side.
    ///
    /// # Panics
    ///
    /// Panics if the lengths don't match, or if a span's blocks don't reach its tokens or aren't in
    /// the cache.
    pub fn write(&mut self, layer: usize, spans: &[Span<'_>], keys: &[f32], values: &[f32]) {
        let row = self.heads * self.width;
        assert!(keys.len() == values.len() && keys.len().is_multiple_of(row), "rows of {row}");
        check(self, spans, keys.len() / row, |span| span.start);
        let (page, width, stride) = (self.page(), self.width, self.stride());
        for span in spans {
            for (position, token) in (span.start..).zip(span.rows.clone()) {
                for head in 0..self.heads {
                    let place = self.place(layer, span.blocks[position / BLOCK], head);
                    let at = token * row + head * width;
                    let token = Token {
                        slot: position % BLOCK,
                        keys: &keys[at..at + width],
                        values: &values[at..at + width],
                    };
                    match &mut self.values {
                        Values::F32(memory) => token.write(memory, place, page, stride),
                        Values::F16(memory) => token.write(memory, place, page, stride),
                    }
                }
            }
        }
    }
}

/// One head of one token.
struct Token<'a> {
    slot: usize,
    keys: &'a [f32],
    values: &'a [f32],
}

impl Token<'_> {
    fn write<E: Element>(&self, memory: &mut Aligned<E>, place: usize, page: usize, stride: usize) {
        let (keys, values) = memory.page_mut(place, page).split_at_mut(self.keys.len() * BLOCK);
        for (to, key) in keys[self.slot..].iter_mut().step_by(BLOCK).zip(self.keys) {
            *to = E::narrow(*key);
        }
        for (to, value) in values[self.slot * stride..].iter_mut().zip(self.values) {
            *to = E::narrow(*value);
        }
    }
}
