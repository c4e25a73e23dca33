//! The memory of the pages.

use super::BLOCK;
use crate::simd::Unpack;

/// The storage format of a cached value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    F32,
    F16,
}

/// The keys and values of all layers, in blocks of [`BLOCK`] tokens.
#[derive(Debug)]
pub struct Pages {
    layers: usize,
    pub(super) heads: usize,
    pub(super) width: usize,
    blocks: usize,
    pub(super) values: Values,
}

#[derive(Debug)]
pub(super) enum Values {
    F32(Aligned<f32>),
    F16(Aligned<u16>),
}

/// Zeros that start on a cache line.
#[derive(Debug)]
pub(super) struct Aligned<E> {
    memory: Vec<E>,
    skip: usize,
}

/// Why a cache can't be allocated.
#[derive(Debug, thiserror::Error)]
pub enum PagesError {
    #[error("{blocks} blocks for {layers} layers of {heads} heads of {width} exceed the address space")]
    Size { layers: usize, heads: usize, width: usize, blocks: usize },
    #[error("not enough memory for {bytes} bytes of keys and values")]
    Scratch { bytes: usize },
}

impl Pages {
    /// Allocates `blocks` blocks of zeros, for `layers` layers of `heads` heads with `width`
    /// values.
    pub fn new(
        layers: usize,
        heads: usize,
        width: usize,
        blocks: usize,
        store: Store,
    ) -> Result<Self, PagesError> {
        let size = block_values(layers, heads, width).and_then(|block| block.checked_mul(blocks));
        let size = size.ok_or(PagesError::Size { layers, heads, width, blocks })?;
        let values = match store {
            Store::F32 => Values::F32(Aligned::new(size)?),
            Store::F16 => Values::F16(Aligned::new(size)?),
        };
        Ok(Self { layers, heads, width, blocks, values })
    }

    pub fn blocks(&self) -> usize {
        self.blocks
    }

    pub fn store(&self) -> Store {
        match self.values {
            Values::F32(_) => Store::F32,
            Values::F16(_) => Store::F16,
        }
    }

    /// Returns the bytes of a block of tokens over all layers, or `None` if no memory can hold one.
    pub fn block_bytes(layers: usize, heads: usize, width: usize, store: Store) -> Option<usize> {
        let each = match store {
            Store::F32 => 4,
            Store::F16 => 2,
        };
        block_values(layers, heads, width)?.checked_mul(each)
    }

    /// Returns the stored length of a head's values for a token.
    pub(super) fn stride(&self) -> usize {
        self.width.next_multiple_of(16)
    }

    /// Returns where a head's keys begin. Its values come `width * BLOCK` elements later.
    pub(super) fn place(&self, layer: usize, block: u32, head: usize) -> usize {
        let block = block as usize;
        assert!(layer < self.layers && block < self.blocks && head < self.heads, "no such page");
        ((layer * self.blocks + block) * self.heads + head) * self.page()
    }

    /// Returns the number of elements in a page.
    pub(super) fn page(&self) -> usize {
        (self.width + self.stride()) * BLOCK
    }
}

/// Returns the number of stored elements in a block, over all layers.
fn block_values(layers: usize, heads: usize, width: usize) -> Option<usize> {
    let stride = width.checked_next_multiple_of(16)?;
    let page = width.checked_add(stride)?.checked_mul(BLOCK)?;
    page.checked_mul(heads)?.checked_mul(layers)
}

impl<E: Element> Aligned<E> {
    fn new(size: usize) -> Result<Self, PagesError> {
        let skip = 64 / size_of::<E>();
        let bytes = size.saturating_add(skip).saturating_mul(size_of::<E>());
        // The reservation reports a lack of memory as an error. The zeros then come untouched from
        // the system, page by page as they are used.
        let fits = size < isize::MAX as usize && Vec::<E>::new().try_reserve_exact(size + skip).is_ok();
        if !fits {
            return Err(PagesError::Scratch { bytes });
        }
        let memory = E::zeros(size + skip);
        let skip = memory.as_ptr().align_offset(64).min(skip);
        Ok(Self { memory, skip })
    }

    pub(super) fn page(&self, place: usize, length: usize) -> &[E] {
        &self.memory[self.skip + place..][..length]
    }

    pub(super) fn page_mut(&mut self, place: usize, length: usize) -> &mut [E] {
        &mut self.memory[self.skip + place..][..length]
    }
}

/// A stored value.
pub(super) trait Element: Copy {
    fn zeros(count: usize) -> Vec<Self>;
    fn narrow(value: f32) -> Self;
    /// # Safety
    ///
    /// Needs the instructions of `S`, and as many elements as it has lanes.
    unsafe fn widen<S: Unpack>(from: *const Self) -> S;
}

impl Element for f32 {
    fn zeros(count: usize) -> Vec<Self> {
        vec![0.0; count]
    }
    fn narrow(value: f32) -> Self {
        value
    }
    #[inline(always)]
    unsafe fn widen<S: Unpack>(from: *const Self) -> S {
        unsafe { S::load(from) }
    }
}

impl Element for u16 {
    fn zeros(count: usize) -> Vec<Self> {
        vec![0; count]
    }
    fn narrow(value: f32) -> Self {
        half::f16::from_f32(value).to_bits()
    }
    #[inline(always)]
    unsafe fn widen<S: Unpack>(from: *const Self) -> S {
        unsafe { S::f16(from.cast()) }
    }
}
