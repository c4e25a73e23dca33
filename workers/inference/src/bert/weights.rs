//! `model.safetensors`. Each tensor's shape is checked when it is read.

use std::fs::File;
use std::io;
use std::path::Path;

use memmap2::{Mmap, MmapOptions};
use safetensors::{Dtype, SafeTensorError, SafeTensors};

/// Why a weights file can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WeightsError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("not a safetensors file: {0}")]
    Malformed(SafeTensorError),
    #[error("missing tensor `{0}`")]
    Missing(String),
    #[error("tensor `{name}` has the shape {found:?}, but config.json says {expected:?}")]
    Shape { name: String, found: Vec<usize>, expected: Vec<usize> },
    #[error("tensor `{name}` holds {found:?}: only F32 is supported")]
    Type { name: String, found: Dtype },
}

/// A weights file, mapped while the model is loaded.
#[derive(Debug)]
pub(crate) struct Weights {
    file: File,
    map: Mmap,
}

/// A matrix that stays in the file. Only the rows in use take memory, and the system may reclaim
/// it.
#[derive(Debug)]
pub(crate) struct Table {
    map: Mmap,
    width: usize,
}

impl Weights {
    pub(crate) fn open(path: &Path) -> Result<Self, WeightsError> {
        let file = File::open(path)?;
        // SAFETY: model files are replaced by renaming, never written in place, so the bytes stay
        // as they are.
        let map = unsafe { Mmap::map(&file)? };
        Ok(Self { file, map })
    }

    /// Reads the values of a tensor.
    pub(crate) fn read(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, WeightsError> {
        Ok(floats(self.bytes(name, shape)?).collect())
    }

    /// Returns a tensor of `rows` x `width` that stays in the file.
    pub(crate) fn table(&self, name: &str, rows: usize, width: usize) -> Result<Table, WeightsError> {
        let bytes = self.bytes(name, &[rows, width])?;
        let offset = bytes.as_ptr().addr() - self.map.as_ptr().addr();
        // SAFETY: as in `open`.
        let map = unsafe { MmapOptions::new().offset(offset as u64).len(bytes.len()).map(&self.file)? };
        Ok(Table { map, width })
    }

    fn bytes(&self, name: &str, shape: &[usize]) -> Result<&[u8], WeightsError> {
        let tensors = SafeTensors::deserialize(&self.map).map_err(WeightsError::Malformed)?;
        let tensor = tensors.tensor(name).map_err(|_| WeightsError::Missing(name.into()))?;
        if tensor.dtype() != Dtype::F32 {
            return Err(WeightsError::Type { name: name.into(), found: tensor.dtype() });
        }
        if tensor.shape() != shape {
            let found = tensor.shape().to_vec();
            return Err(WeightsError::Shape { name: name.into(), found, expected: shape.to_vec() });
        }
        Ok(tensor.data())
    }
}

impl Table {
    pub(crate) fn rows(&self) -> usize {
        self.map.len() / (4 * self.width)
    }

    /// Returns the values of a row.
    ///
    /// # Panics
    ///
    /// Panics if there is no such row.
    pub(crate) fn row(&self, row: usize) -> impl Iterator<Item = f32> {
        let size = 4 * self.width;
        floats(&self.map[row * size..(row + 1) * size])
    }
}

fn floats(bytes: &[u8]) -> impl Iterator<Item = f32> {
    bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes))
}
