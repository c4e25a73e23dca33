//! The cache of keys and values.

use cortex_compute::{Pages, PagesError, Store};

use crate::shape::Shape;

/// Keys and values in blocks of [`crate::BLOCK`] tokens. The caller assigns blocks to sequences.
/// Several sequences may share full blocks.
#[derive(Debug)]
pub struct Cache {
    pub(crate) pages: Pages,
    pub(crate) sizes: Sizes,
}

/// The sizes that a cache and its model must have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sizes {
    layers: usize,
    kv_heads: usize,
    head_dim: usize,
}

impl Sizes {
    pub(crate) fn of(shape: &Shape) -> Self {
        Self { layers: shape.layers, kv_heads: shape.kv_heads, head_dim: shape.head_dim }
    }
}

impl Cache {
    /// Allocates a cache of `blocks` blocks for models of this shape.
    pub fn new(shape: &Shape, blocks: usize, store: Store) -> Result<Self, PagesError> {
        let sizes = Sizes::of(shape);
        let pages = Pages::new(sizes.layers, sizes.kv_heads, sizes.head_dim, blocks, store)?;
        Ok(Self { pages, sizes })
    }

    /// Returns the bytes per block, or the largest number if no memory can hold a block.
    pub fn block_bytes(shape: &Shape, store: Store) -> u64 {
        let Sizes { layers, kv_heads, head_dim } = Sizes::of(shape);
        Pages::block_bytes(layers, kv_heads, head_dim, store).map_or(u64::MAX, |bytes| bytes as u64)
    }

    pub fn blocks(&self) -> usize {
        self.pages.blocks()
    }

    pub fn store(&self) -> Store {
        self.pages.store()
    }
}
