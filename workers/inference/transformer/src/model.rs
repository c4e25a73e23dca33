//! A model with its weights and threads.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use cortex_compute::{RopeTable, Threads};

use crate::options::{Options, Progress};
use crate::shape::{Family, Shape};
use crate::weights::{self, LoadError, Weights};

/// A model's weights, and the threads it runs on.
#[derive(Debug)]
pub struct Model {
    pub(crate) shape: Shape,
    pub(crate) weights: Weights,
    pub(crate) threads: Threads,
    pub(crate) frequencies: Vec<f32>,
}

/// Describes a model, for receipts and lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    pub family: Family,
    /// The format of most weights, such as `Q4_K` or `BF16`.
    pub quantisation: &'static str,
    pub parameters: u64,
}

impl Model {
    /// Opens a folder with `config.json` and safetensors, or a GGUF file.
    ///
    /// The weights are mapped and read into memory. `progress` is called meanwhile, and a break
    /// ends the load. Other processes that map the same files share the memory.
    pub fn open(
        path: &Path,
        options: &Options,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Self, LoadError> {
        let (mut shape, names, tensors) = weights::open(path)?;
        let files = tensors.all();
        let weights = Weights::take(&shape, names, tensors)?;
        weights::read(&files, progress)?;
        shape.context = options.context.map_or(shape.context, |context| shape.context.min(context.get()));
        let threads = Threads::new(options.threads.get()).map_err(LoadError::Threads)?;
        let frequencies = shape.rope.frequencies(shape.head_dim);
        Ok(Self { shape, weights, threads, frequencies })
    }

    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// Returns the rotation of each pair of values at these positions.
    pub fn rope_table(&self, positions: impl IntoIterator<Item = usize>) -> RopeTable {
        RopeTable::new(positions, &self.frequencies, self.shape.rope.gain())
    }

    /// Returns the size of the weights in bytes.
    pub fn bytes(&self) -> u64 {
        self.weights.matrices(self.shape.tied).map(|matrix| matrix.bytes().len() as u64).sum()
    }

    pub fn description(&self) -> Description {
        let mut formats = BTreeMap::<_, u64>::new();
        let mut parameters = 0;
        for matrix in self.weights.matrices(self.shape.tied) {
            let weights = matrix.rows() as u64 * matrix.columns() as u64;
            *formats.entry(matrix.format().name()).or_default() += weights;
            parameters += weights;
        }
        let most = formats.into_iter().max_by_key(|&(_, weights)| weights);
        let quantisation = most.map_or("F32", |(format, _)| format);
        Description { family: self.shape.family, quantisation, parameters }
    }
}
