//! Keys and values on the device.

use candle_core::{DType, Device, Result, Tensor};
use cortex_transformer::{BLOCK, Shape};

/// Keys and values in blocks of [`BLOCK`] tokens, as in [`cortex_transformer::Cache`].
#[derive(Debug)]
pub struct Cache {
    /// For each layer, the rows of all key heads and of all value heads. A token's row is `block *
    /// BLOCK + offset`.
    pub(crate) layers: Vec<(Tensor, Tensor)>,
    blocks: usize,
}

impl Cache {
    pub(crate) fn new(shape: &Shape, blocks: usize, dtype: DType, device: &Device) -> Result<Self> {
        let rows = || Tensor::zeros((blocks * BLOCK, shape.kv()), dtype, device);
        let layers = (0..shape.layers).map(|_| Ok((rows()?, rows()?))).collect::<Result<_>>()?;
        Ok(Self { layers, blocks })
    }

    /// Returns the bytes per block of such a cache.
    pub fn block_bytes(shape: &Shape, dtype: DType) -> u64 {
        let values = (2 * BLOCK * shape.layers) as u64;
        values.saturating_mul(shape.kv() as u64).saturating_mul(dtype.size_in_bytes() as u64)
    }

    pub fn blocks(&self) -> usize {
        self.blocks
    }
}
