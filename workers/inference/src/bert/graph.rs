//! The forward pass as a graph of candle's operations, for every device that candle supports.

use candle_core::{D, DType, IndexOp, Result, Tensor};
use candle_nn::{
    Embedding, LayerNorm, Linear, Module, VarBuilder, embedding, layer_norm, linear, ops::softmax_last_dim,
};

use super::Config;

/// The score of a padded position. The softmax turns it into a weight of zero.
const MASKED: f64 = -1e9;

/// A BERT on a candle device.
pub(crate) struct Graph {
    words: Embedding,
    positions: Embedding,
    kinds: Embedding,
    norm: LayerNorm,
    layers: Vec<Layer>,
}

struct Layer {
    query: Linear,
    key: Linear,
    value: Linear,
    mixed: Linear,
    mixed_norm: LayerNorm,
    inner: Linear,
    outer: Linear,
    outer_norm: LayerNorm,
    heads: usize,
}

impl Graph {
    /// Loads the weights of a `model.safetensors`.
    pub(crate) fn load(weights: &VarBuilder<'_>, config: &Config) -> Result<Self> {
        let table = |rows, name: &str| embedding(rows, config.hidden, weights.pp("embeddings").pp(name));
        let layers = weights.pp("encoder").pp("layer");
        Ok(Self {
            words: table(config.vocabulary, "word_embeddings")?,
            positions: table(config.positions, "position_embeddings")?,
            kinds: table(config.token_types, "token_type_embeddings")?,
            norm: norm(config, weights.pp("embeddings"))?,
            layers: (0..config.layers).map(|n| Layer::load(&layers.pp(n), config)).collect::<Result<_>>()?,
        })
    }

    /// Returns the last states (`texts x positions x hidden`) of `tokens` (`texts x positions`).
    /// The mask has the shape of `tokens`. It is one at a token and zero at padding.
    pub(crate) fn forward(&self, tokens: &Tensor, mask: &Tensor) -> Result<Tensor> {
        let places = tokens.dim(D::Minus1)?;
        let positions = self.positions.embeddings().i(..places)?;
        let kind = self.kinds.embeddings().i(0)?;
        let states = self.words.forward(tokens)?.broadcast_add(&positions)?.broadcast_add(&kind)?;
        let bias = mask.to_dtype(DType::F32)?.affine(-MASKED, MASKED)?.unsqueeze(1)?.unsqueeze(1)?;
        let first = self.norm.forward(&states)?;
        self.layers.iter().try_fold(first, |states, layer| layer.forward(&states, &bias))
    }
}

impl Layer {
    fn load(weights: &VarBuilder<'_>, config: &Config) -> Result<Self> {
        let (hidden, inner) = (config.hidden, config.inner);
        let attention = weights.pp("attention");
        let own = attention.pp("self");
        Ok(Self {
            query: linear(hidden, hidden, own.pp("query"))?,
            key: linear(hidden, hidden, own.pp("key"))?,
            value: linear(hidden, hidden, own.pp("value"))?,
            mixed: linear(hidden, hidden, attention.pp("output").pp("dense"))?,
            mixed_norm: norm(config, attention.pp("output"))?,
            inner: linear(hidden, inner, weights.pp("intermediate").pp("dense"))?,
            outer: linear(inner, hidden, weights.pp("output").pp("dense"))?,
            outer_norm: norm(config, weights.pp("output"))?,
            heads: config.heads,
        })
    }

    fn forward(&self, states: &Tensor, bias: &Tensor) -> Result<Tensor> {
        let mixed = self.mixed.forward(&self.attend(states, bias)?)?;
        let states = self.mixed_norm.forward(&(mixed + states)?)?;
        let outer = self.outer.forward(&self.inner.forward(&states)?.gelu_erf()?)?;
        self.outer_norm.forward(&(outer + states)?)
    }

    fn attend(&self, states: &Tensor, bias: &Tensor) -> Result<Tensor> {
        let (texts, places, hidden) = states.dims3()?;
        let width = hidden / self.heads;
        let split = |projection: &Linear| {
            let heads = projection.forward(states)?.reshape((texts, places, self.heads, width))?;
            heads.transpose(1, 2)?.contiguous()
        };
        let (query, key, value) = (split(&self.query)?, split(&self.key)?, split(&self.value)?);
        let scores = query.matmul(&key.t()?.contiguous()?)?.affine(1.0 / (width as f64).sqrt(), 0.0)?;
        let weights = softmax_last_dim(&scores.broadcast_add(bias)?)?;
        weights.matmul(&value)?.transpose(1, 2)?.reshape((texts, places, hidden))
    }
}

fn norm(config: &Config, weights: VarBuilder<'_>) -> Result<LayerNorm> {
    layer_norm(config.hidden, f64::from(config.epsilon), weights.pp("LayerNorm"))
}
