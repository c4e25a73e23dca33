//! One layer.

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::ops::{rms_norm, silu, softmax_last_dim};
use candle_nn::rotary_emb::{rope, rope_i};
use cortex_compute::Pairing;
use cortex_transformer::Shape;

use crate::linear::Linear;
use crate::step::{Group, Step};

#[derive(Debug)]
pub(crate) struct Layer {
    attention_norm: Tensor,
    query: Linear,
    key: Linear,
    value: Linear,
    head_norms: Option<(Tensor, Tensor)>,
    merge: Linear,
    mlp_norm: Tensor,
    gate: Linear,
    up: Linear,
    down: Linear,
    window: Option<usize>,
}

impl Layer {
    pub(crate) fn new(
        layer: &cortex_transformer::Layer,
        window: Option<usize>,
        dtype: DType,
        device: &Device,
    ) -> Result<Self> {
        let vector = |values: &[f32]| Tensor::new(values, device)?.to_dtype(dtype);
        let linear = |linear| Linear::new(linear, dtype, device);
        let head_norms = match &layer.head_norms {
            Some((query, key)) => Some((vector(query)?, vector(key)?)),
            None => None,
        };
        Ok(Self {
            attention_norm: vector(&layer.attention_norm)?,
            query: linear(&layer.query)?,
            key: linear(&layer.key)?,
            value: linear(&layer.value)?,
            head_norms,
            merge: linear(&layer.merge)?,
            mlp_norm: vector(&layer.mlp_norm)?,
            gate: linear(&layer.gate)?,
            up: linear(&layer.up)?,
            down: linear(&layer.down)?,
            window,
        })
    }

    /// Returns the residual stream after this layer. The step's keys and values are then in
    /// `cache`.
    pub(crate) fn forward(
        &self,
        shape: &Shape,
        step: &Step,
        (keys, values): &(Tensor, Tensor),
        stream: &Tensor,
    ) -> Result<Tensor> {
        let normed = rms_norm(stream, &self.attention_norm, shape.norm_eps)?;
        let (query_norm, key_norm) = match &self.head_norms {
            Some((query, key)) => (Some(query), Some(key)),
            None => (None, None),
        };
        let queries = turn(shape, step, &self.query.forward(&normed)?, query_norm)?;
        let new = turn(shape, step, &self.key.forward(&normed)?, key_norm)?;
        // All heads of a token form a row of the cache.
        let new = new.reshape((new.dim(0)?, shape.kv()))?;
        keys.scatter_set(&step.cache_rows, &new, 0)?;
        values.scatter_set(&step.cache_rows, &self.value.forward(&normed)?.contiguous()?, 0)?;
        let context_rows = step.groups.iter().map(|group| self.attend(shape, group, &queries, keys, values));
        let context_rows = Tensor::cat(&context_rows.collect::<Result<Vec<_>>>()?, 0)?;
        let stream = (stream + self.merge.forward(&context_rows)?)?;
        let normed = rms_norm(&stream, &self.mlp_norm, shape.norm_eps)?;
        let inner = (silu(&self.gate.forward(&normed)?)? * self.up.forward(&normed)?)?;
        stream + self.down.forward(&inner)?
    }

    /// Returns rows of the group's tokens, with all heads side by side.
    fn attend(
        &self,
        shape: &Shape,
        group: &Group,
        queries: &Tensor,
        keys: &Tensor,
        values: &Tensor,
    ) -> Result<Tensor> {
        let Group { sequences, tokens, context_rows, .. } = *group;
        let (kv, width, each) = (shape.kv_heads, shape.head_dim, shape.heads / shape.kv_heads);
        // sequences x heads of keys x (heads that share one, tokens) x width
        let queries = queries.narrow(0, group.first, sequences * tokens)?;
        let queries = queries.reshape((sequences, tokens, kv, each, width))?.permute((0, 2, 3, 1, 4))?;
        let queries = queries.reshape((sequences, kv, each * tokens, width))?;
        let cached = |rows: &Tensor| {
            let rows = rows.index_select(&group.rows, 0)?;
            rows.reshape((sequences, context_rows, kv, width))?.transpose(1, 2)?.contiguous()
        };
        let scores = queries.matmul(&cached(keys)?.transpose(2, 3)?)?;
        let mut scores = (scores / (width as f64).sqrt())?;
        if let Some(mask) = group.mask(self.window) {
            let apart = scores.reshape((sequences, kv * each, tokens, context_rows))?;
            scores = apart.broadcast_add(&mask.unsqueeze(1)?)?.reshape(scores.shape())?;
        }
        let weights = softmax_last_dim(&scores.to_dtype(DType::F32)?)?.to_dtype(scores.dtype())?;
        let mixed = weights.matmul(&cached(values)?)?.reshape((sequences, kv, each, tokens, width))?;
        mixed.permute((0, 3, 1, 2, 4))?.reshape((sequences * tokens, shape.query()))
    }
}

/// Rotates every head by its token's angles, after the norm if the model has one. The result is
/// tokens x heads x width.
fn turn(shape: &Shape, step: &Step, heads: &Tensor, norm: Option<&Tensor>) -> Result<Tensor> {
    let (tokens, all) = heads.dims2()?;
    let mut heads = heads.reshape((tokens, all / shape.head_dim, shape.head_dim))?;
    if let Some(norm) = norm {
        heads = rms_norm(&heads.contiguous()?, norm, shape.norm_eps)?;
    }
    let heads = heads.transpose(0, 1)?.contiguous()?.unsqueeze(0)?;
    let turned = match shape.rope.pairing {
        Pairing::Halves => rope(&heads, &step.cosines, &step.sines)?,
        Pairing::Adjacent => rope_i(&heads, &step.cosines, &step.sines)?,
    };
    turned.squeeze(0)?.transpose(0, 1)?.contiguous()
}
