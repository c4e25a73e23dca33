//! Keys and values in pages, and the attention that reads them.

use std::ops::Range;

use half::f16;

use crate::threads::Threads;

/// Tokens in a block.
pub const BLOCK: usize = 32;

/// How a cached value is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    F32,
    F16,
}

/// The keys and values of all layers, in blocks of [`BLOCK`] tokens.
#[derive(Debug)]
pub struct Pages {
    layers: usize,
    heads: usize,
    width: usize,
    blocks: usize,
    store: Store,
    values: Vec<f32>,
}

/// Why there is no such cache.
#[derive(Debug, thiserror::Error)]
pub enum PagesError {
    #[error("{blocks} blocks of {block} bytes are more than memory can have")]
    Size { blocks: usize, block: usize },
    #[error("no memory for {blocks} blocks of {block} bytes")]
    Memory { blocks: usize, block: usize },
}

/// Consecutive tokens of one sequence.
#[derive(Debug, Clone)]
pub struct Span<'a> {
    /// Their rows among the rows of the call.
    pub rows: Range<usize>,
    /// The first one's position in the sequence.
    pub start: usize,
    /// The sequence's blocks, from its first token on; position `p` lies in `blocks[p / BLOCK]`.
    pub blocks: &'a [u32],
}

/// The heads that ask.
#[derive(Debug, Clone, Copy)]
pub struct Heads {
    /// How many; a multiple of the cache's heads, each of which serves as many neighbours.
    pub queries: usize,
    /// What a query's product with a key is multiplied by: 1 / √width, as a rule.
    pub scale: f32,
    /// How many tokens, itself included, a token sees at most.
    pub window: Option<usize>,
}

impl Pages {
    /// `blocks` blocks of zeros, for `layers` layers of `heads` heads of `width` values.
    pub fn new(
        layers: usize,
        heads: usize,
        width: usize,
        blocks: usize,
        store: Store,
    ) -> Result<Self, PagesError> {
        let block = layers * heads * width * BLOCK * 2;
        Ok(Self { layers, heads, width, blocks, store, values: vec![0.0; blocks * block] })
    }

    pub fn blocks(&self) -> usize {
        self.blocks
    }

    pub fn store(&self) -> Store {
        self.store
    }

    /// What a block of tokens takes, over all layers.
    pub fn bytes_per_block(&self) -> usize {
        let each = if self.store == Store::F32 { 4 } else { 2 };
        self.layers * self.heads * self.width * BLOCK * 2 * each
    }

    /// Writes the keys and values of a layer: a row per token of all heads side by side.
    ///
    /// # Panics
    /// If the lengths don't fit, or a span's blocks don't reach its tokens or aren't in the cache.
    pub fn write(&mut self, layer: usize, spans: &[Span<'_>], keys: &[f32], values: &[f32]) {
        let row = self.heads * self.width;
        for span in spans {
            for (n, token) in span.rows.clone().enumerate() {
                for at in 0..row {
                    let place = self.place(layer, span, span.start + n, at);
                    let narrow =
                        |x: f32| if self.store == Store::F32 { x } else { f16::from_f32(x).to_f32() };
                    let (key, value) = (narrow(keys[token * row + at]), narrow(values[token * row + at]));
                    self.values[2 * place] = key;
                    self.values[2 * place + 1] = value;
                }
            }
        }
    }

    fn place(&self, layer: usize, span: &Span<'_>, position: usize, at: usize) -> usize {
        let block = span.blocks[position / BLOCK] as usize;
        ((layer * self.blocks + block) * BLOCK + position % BLOCK) * self.heads * self.width + at
    }
}

/// `softmax(scale Q Kᵀ) V` of each row's token over its sequence up to itself, whose keys and values must have been
/// written. `queries` and `out` have a row per token, all heads side by side.
///
/// # Panics
/// If the lengths don't fit, or a span's blocks don't reach its tokens or aren't in the cache.
pub fn attend(
    threads: &Threads,
    pages: &Pages,
    layer: usize,
    heads: Heads,
    spans: &[Span<'_>],
    queries: &[f32],
    out: &mut [f32],
) {
    let _ = threads;
    let (width, row, shared) = (pages.width, heads.queries * pages.width, heads.queries / pages.heads);
    for span in spans {
        for (n, token) in span.rows.clone().enumerate() {
            let end = span.start + n + 1;
            let first = heads.window.map_or(0, |window| end.saturating_sub(window));
            for head in 0..heads.queries {
                let query = &queries[token * row + head * width..][..width];
                let out = &mut out[token * row + head * width..][..width];
                let at = |position, dimension| {
                    2 * pages.place(layer, span, position, head / shared * width + dimension)
                };
                let score = |position| {
                    query.iter().enumerate().map(|(d, q)| q * pages.values[at(position, d)]).sum::<f32>()
                        * heads.scale
                };
                let scores: Vec<f32> = (first..end).map(score).collect();
                let most = scores.iter().fold(f32::NEG_INFINITY, |a, b| a.max(*b));
                let weights: Vec<f32> = scores.iter().map(|score| (score - most).exp()).collect();
                let sum: f32 = weights.iter().sum();
                for (d, out) in out.iter_mut().enumerate() {
                    *out = weights
                        .iter()
                        .zip(first..end)
                        .map(|(w, p)| w * pages.values[at(p, d) + 1])
                        .sum::<f32>()
                        / sum;
                }
            }
        }
    }
}
