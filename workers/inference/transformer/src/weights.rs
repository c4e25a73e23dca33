//! The matrices and vectors of a model, checked against its [`Shape`].

mod error;
mod gguf;
mod mapped;
mod names;
mod safetensors;
mod tensors;

use std::ops::ControlFlow;
use std::path::Path;

use cortex_compute::Matrix;

pub use self::error::{LoadError, WeightsError};
use self::names::LayerTensor;
pub(crate) use self::names::Names;
use self::tensors::{Tensor, Tensors};
use crate::options::Progress;
use crate::shape::Shape;

/// A model's weights. The matrices stay in the mapped files. For tied models, the output matrix is
/// the embedding.
#[derive(Debug)]
pub struct Weights {
    pub embedding: Matrix,
    pub layers: Vec<Layer>,
    pub norm: Vec<f32>,
    pub output: Matrix,
}

/// The weights of one layer.
#[derive(Debug)]
pub struct Layer {
    pub attention_norm: Vec<f32>,
    pub query: Linear,
    pub key: Linear,
    pub value: Linear,
    /// The norms of each head of queries, and of keys.
    pub head_norms: Option<(Vec<f32>, Vec<f32>)>,
    pub merge: Linear,
    pub mlp_norm: Vec<f32>,
    pub gate: Linear,
    pub up: Linear,
    pub down: Linear,
}

/// A matrix to multiply with, and a bias to add.
#[derive(Debug)]
pub struct Linear {
    pub matrix: Matrix,
    pub bias: Option<Vec<f32>>,
}

/// Opens the model at `path`, a folder or a GGUF file. Returns its shape and tensors.
pub(crate) fn open(path: &Path) -> Result<(Shape, Names, Tensors), LoadError> {
    if path.is_file() {
        let (file, mut tensors) = gguf::open(path)?;
        let divisors = gguf::divisors(&mut tensors)?;
        let shape = Shape::from_gguf(&file, divisors);
        let shape = shape.map_err(|error| LoadError::Config { path: path.to_owned(), error })?;
        return Ok((shape, Names::Gguf, tensors));
    }
    let config = path.join("config.json");
    if !path.is_dir() {
        return Err(LoadError::NoModel(path.to_owned()));
    }
    let shape = match std::fs::read(&config) {
        Ok(json) => Shape::from_config(&json).map_err(|error| LoadError::Config { path: config, error })?,
        Err(error) => return Err(LoadError::Io { path: config, error }),
    };
    Ok((shape, Names::HuggingFace, safetensors::open(path)?))
}

impl Weights {
    /// Takes every tensor of a model with this shape. Other tensors that would change the model are
    /// an error.
    pub(crate) fn take(shape: &Shape, names: Names, mut tensors: Tensors) -> Result<Self, LoadError> {
        let (hidden, vocabulary) = (shape.hidden, shape.vocabulary);
        let embedding = tensors.matrix(names.embedding(), vocabulary, hidden)?;
        let output = match shape.tied {
            true => embedding.clone(),
            false => tensors.matrix(names.output(), vocabulary, hidden)?,
        };
        let norm = tensors.vector(names.norm(), hidden)?;
        let layers = (0..shape.layers).map(|layer| Layer::take(shape, names, layer, &mut tensors));
        let layers = layers.collect::<Result<_, _>>()?;
        if let Some((name, tensor)) = tensors.unused().find(|(name, _)| !names.may_ignore(name, shape.tied)) {
            return Err(tensor.wrong(WeightsError::Unused(name.into())));
        }
        Ok(Self { embedding, layers, norm, output })
    }

    /// Returns every matrix. A tied matrix comes once.
    pub(crate) fn matrices(&self, tied: bool) -> impl Iterator<Item = &Matrix> {
        let layers = self.layers.iter().flat_map(|layer| {
            [&layer.query, &layer.key, &layer.value, &layer.merge, &layer.gate, &layer.up, &layer.down]
        });
        let output = (!tied).then_some(&self.output);
        layers.map(|linear| &linear.matrix).chain(output).chain([&self.embedding])
    }
}

impl Layer {
    fn take(shape: &Shape, names: Names, layer: usize, tensors: &mut Tensors) -> Result<Self, LoadError> {
        let mut norm = |part, width| tensors.vector(&format!("{}.weight", names.layer(layer, part)), width);
        let attention_norm = norm(LayerTensor::AttentionNorm, shape.hidden)?;
        let mlp_norm = norm(LayerTensor::MlpNorm, shape.hidden)?;
        let head_norms = match shape.qk_norm {
            true => Some((
                norm(LayerTensor::QueryNorm, shape.head_dim)?,
                norm(LayerTensor::KeyNorm, shape.head_dim)?,
            )),
            false => None,
        };
        let mut linear = |part, rows, columns, biased: bool| -> Result<Linear, LoadError> {
            let name = names.layer(layer, part);
            let matrix = tensors.matrix(&format!("{name}.weight"), rows, columns)?;
            let bias = biased.then(|| tensors.vector(&format!("{name}.bias"), rows)).transpose()?;
            Ok(Linear { matrix, bias })
        };
        let (hidden, intermediate, biases) = (shape.hidden, shape.intermediate, shape.biases);
        Ok(Self {
            attention_norm,
            query: linear(LayerTensor::Query, shape.query(), hidden, biases.qkv)?,
            key: linear(LayerTensor::Key, shape.kv(), hidden, biases.qkv)?,
            value: linear(LayerTensor::Value, shape.kv(), hidden, biases.qkv)?,
            head_norms,
            merge: linear(LayerTensor::Merge, hidden, shape.query(), biases.merge)?,
            mlp_norm,
            gate: linear(LayerTensor::Gate, intermediate, hidden, biases.mlp)?,
            up: linear(LayerTensor::Up, intermediate, hidden, biases.mlp)?,
            down: linear(LayerTensor::Down, hidden, intermediate, biases.mlp)?,
        })
    }
}

/// Reads the weights into memory in chunks, and reports the progress after each one.
pub(crate) fn read(
    tensors: &[Tensor],
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<(), LoadError> {
    const READ_CHUNK: usize = 16 << 20;
    let of = tensors.iter().map(|tensor| tensor.range.len() as u64).sum();
    let mut read = 0;
    let mut report = |read| match progress(Progress { read, of }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(LoadError::Stopped),
    };
    report(0)?;
    for tensor in tensors {
        for start in tensor.range.clone().step_by(READ_CHUNK) {
            let end = tensor.range.end.min(start + READ_CHUNK);
            tensor.file.read(start..end);
            read += (end - start) as u64;
            report(read)?;
        }
    }
    Ok(())
}
