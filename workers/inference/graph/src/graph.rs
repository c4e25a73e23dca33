//! A model on a device.

use std::ops::ControlFlow;

use candle_core::{DType, Device, Tensor};
use candle_nn::ops::rms_norm;
use cortex_transformer::{Model, Segment};

use crate::cache::Cache;
use crate::error::GraphError;
use crate::layer::Layer;
use crate::linear::Linear;
use crate::step::{Step, embed, order};

/// The weights of a model on a device. Each step takes the model too, which keeps the small values.
#[derive(Debug)]
pub struct Graph {
    device: Device,
    dtype: DType,
    layers: Vec<Layer>,
    norm: Tensor,
    output: Linear,
}

impl Graph {
    /// Copies the weights to `device`. Activations and float weights have the type `dtype`, and
    /// quantised weights keep their format. `progress` gets the number of layers so far, and a
    /// break ends the load.
    ///
    /// # Errors
    ///
    /// Returns an error if the device has too little memory or does not support the type.
    pub fn new(
        model: &Model,
        device: &Device,
        dtype: DType,
        progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
    ) -> Result<Self, GraphError> {
        let (weights, windows) = (model.weights(), &model.shape().windows);
        let layers = weights.layers.iter().zip(windows).enumerate();
        let layers = layers.map(|(there, (layer, window))| match progress(there) {
            ControlFlow::Continue(()) => Ok(Layer::new(layer, *window, dtype, device)?),
            ControlFlow::Break(()) => Err(GraphError::Stopped),
        });
        Ok(Self {
            layers: layers.collect::<Result<_, _>>()?,
            norm: Tensor::new(weights.norm.as_slice(), device)?.to_dtype(dtype)?,
            output: Linear::of(&weights.output, dtype, device)?,
            device: device.clone(),
            dtype,
        })
    }

    /// Returns the bytes that a model's weights take on a device.
    pub fn bytes(model: &Model, dtype: DType) -> u64 {
        let weights = model.weights();
        let layers = weights.layers.iter().flat_map(|layer| {
            [&layer.query, &layer.key, &layer.value, &layer.merge, &layer.gate, &layer.up, &layer.down]
        });
        let matrices = layers.map(|linear| &linear.matrix).chain([&weights.output]);
        matrices.map(|matrix| Linear::bytes(matrix, dtype)).sum()
    }

    /// Allocates a cache of `blocks` blocks for this model.
    ///
    /// # Errors
    ///
    /// Returns an error if the device has too little memory.
    pub fn cache(&self, model: &Model, blocks: usize) -> Result<Cache, GraphError> {
        Ok(Cache::new(model.shape(), blocks, self.dtype, &self.device)?)
    }

    /// Runs a step, as [`Model::forward`] does.
    ///
    /// # Errors
    ///
    /// Returns an error if a segment is invalid, which changes nothing, or if the device fails.
    pub fn forward(
        &self,
        model: &Model,
        cache: &mut Cache,
        segments: &[Segment<'_>],
    ) -> Result<Vec<f32>, GraphError> {
        model.check(cache.blocks(), segments)?;
        let order = order(segments);
        let ordered: Vec<_> = order.iter().map(|&segment| &segments[segment]).collect();
        let logits = self.run(model, cache, &ordered)?;
        let mut rows = logits.chunks_exact(model.shape().vocabulary);
        let mut of = vec![vec![]; segments.len()];
        for segment in order {
            of[segment] = rows.by_ref().take(segments[segment].logit_rows()).collect::<Vec<_>>();
        }
        Ok(of.concat().concat())
    }

    /// Returns the requested logits, in the order of the segments.
    fn run(&self, model: &Model, cache: &Cache, segments: &[&Segment<'_>]) -> candle_core::Result<Vec<f32>> {
        let shape = model.shape();
        let step = Step::new(model, segments, self.dtype, &self.device)?;
        let mut stream = embed(segments, &model.weights().embedding, self.dtype, &self.device)?;
        for (layer, cached) in self.layers.iter().zip(&cache.layers) {
            stream = layer.forward(shape, &step, cached, &stream)?;
        }
        if step.logit_rows.elem_count() == 0 {
            return Ok(vec![]);
        }
        let rows = stream.index_select(&step.logit_rows, 0)?;
        let logits = self.output.forward(&rms_norm(&rows, &self.norm, shape.norm_eps)?)?;
        logits.to_dtype(DType::F32)?.flatten_all()?.to_vec1()
    }
}
