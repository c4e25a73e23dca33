//! The forward pass on the CPU.

use std::path::Path;

use cortex_compute::{Attention, Isa, Panels, add_norm, affine, attend_all, gelu};

use super::weights::{Table, Weights};
use super::{Config, WeightsError};

/// A loaded model.
#[derive(Debug)]
pub(crate) struct Bert {
    isa: Isa,
    hidden: usize,
    heads: usize,
    epsilon: f32,
    words: Table,
    /// A row per position, with the type embedding of a first sentence added.
    positions: Vec<f32>,
    norm: Norm,
    layers: Vec<Layer>,
}

#[derive(Debug)]
struct Layer {
    /// Queries, keys and values in one matrix.
    qkv: Linear,
    mix: Linear,
    mix_norm: Norm,
    up: Linear,
    down: Linear,
    down_norm: Norm,
}

#[derive(Debug)]
struct Linear {
    weights: Panels,
    bias: Vec<f32>,
}

#[derive(Debug)]
struct Norm {
    scale: Vec<f32>,
    shift: Vec<f32>,
}

/// The buffers of one thread. They grow to the largest batch and keep that size.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    states: Vec<f32>,
    qkv: Vec<f32>,
    context: Vec<f32>,
    inner: Vec<f32>,
    attention: Attention,
}

impl Bert {
    pub(crate) fn load(path: &Path, config: &Config) -> Result<Self, WeightsError> {
        let weights = Weights::open(path)?;
        let hidden = config.hidden;
        let types = weights.read("embeddings.token_type_embeddings.weight", &[config.token_types, hidden])?;
        let mut positions =
            weights.read("embeddings.position_embeddings.weight", &[config.positions, hidden])?;
        for (value, first_type) in positions.iter_mut().zip(types.iter().take(hidden).cycle()) {
            *value += first_type;
        }
        Ok(Self {
            isa: Isa::best(),
            hidden,
            heads: config.heads,
            epsilon: config.epsilon,
            words: weights.table("embeddings.word_embeddings.weight", config.vocabulary, hidden)?,
            positions,
            norm: Norm::load(&weights, "embeddings.LayerNorm", hidden)?,
            layers: (0..config.layers)
                .map(|layer| Layer::load(&weights, &format!("encoder.layer.{layer}"), config))
                .collect::<Result<_, _>>()?,
        })
    }

    /// Returns the longest text, in tokens.
    pub(crate) fn longest(&self) -> usize {
        self.positions.len() / self.hidden
    }

    /// Returns the number of rows in the word table. Every token must be smaller.
    pub(crate) fn vocabulary(&self) -> usize {
        self.words.rows()
    }

    pub(crate) fn hidden(&self) -> usize {
        self.hidden
    }

    /// Encodes texts, given as tokens, into a row of `hidden` values per token, text after text.
    ///
    /// # Panics
    ///
    /// Panics if a text is empty or longer than [`Bert::longest`], or if a token is not in the
    /// vocabulary.
    pub(crate) fn forward<'m>(&self, texts: &[&[u32]], scratch: &'m mut Scratch) -> &'m [f32] {
        let Scratch { states, qkv, context, inner, attention } = scratch;
        let hidden = self.hidden;
        states.clear();
        context.clear();
        for text in texts {
            states.extend(text.iter().flat_map(|&token| self.words.row(token as usize)));
            context.extend_from_slice(&self.positions[..text.len() * hidden]);
        }
        self.norm.apply(self, states, context);
        for layer in &self.layers {
            layer.qkv.apply(self.isa, states, qkv);
            let mut at = 0;
            for text in texts {
                let end = at + text.len() * hidden;
                attend_all(
                    self.isa,
                    &qkv[3 * at..3 * end],
                    self.heads,
                    hidden,
                    attention,
                    &mut context[at..end],
                );
                at = end;
            }
            // The queries are no longer needed, so their buffer takes the values to add to the
            // states.
            layer.mix.apply(self.isa, context, qkv);
            layer.mix_norm.apply(self, states, qkv);
            layer.up.apply(self.isa, states, inner);
            gelu(self.isa, inner);
            layer.down.apply(self.isa, inner, qkv);
            layer.down_norm.apply(self, states, qkv);
        }
        states
    }
}

impl Layer {
    fn load(weights: &Weights, name: &str, config: &Config) -> Result<Self, WeightsError> {
        let (hidden, inner) = (config.hidden, config.inner);
        let attention = ["query", "key", "value"].map(|part| format!("{name}.attention.self.{part}"));
        let mut qkv = (Vec::with_capacity(3 * hidden * hidden), Vec::with_capacity(3 * hidden));
        for part in attention {
            qkv.0.extend(weights.read(&format!("{part}.weight"), &[hidden, hidden])?);
            qkv.1.extend(weights.read(&format!("{part}.bias"), &[hidden])?);
        }
        Ok(Self {
            qkv: Linear { weights: Panels::of_transposed(&qkv.0, hidden), bias: qkv.1 },
            mix: Linear::load(weights, &format!("{name}.attention.output.dense"), hidden, hidden)?,
            mix_norm: Norm::load(weights, &format!("{name}.attention.output.LayerNorm"), hidden)?,
            up: Linear::load(weights, &format!("{name}.intermediate.dense"), hidden, inner)?,
            down: Linear::load(weights, &format!("{name}.output.dense"), inner, hidden)?,
            down_norm: Norm::load(weights, &format!("{name}.output.LayerNorm"), hidden)?,
        })
    }
}

impl Linear {
    fn load(weights: &Weights, name: &str, from: usize, to: usize) -> Result<Self, WeightsError> {
        Ok(Self {
            weights: Panels::of_transposed(&weights.read(&format!("{name}.weight"), &[to, from])?, from),
            bias: weights.read(&format!("{name}.bias"), &[to])?,
        })
    }

    fn apply(&self, isa: Isa, input: &[f32], output: &mut Vec<f32>) {
        let rows = input.len() / self.weights.depth();
        output.resize(rows * self.weights.columns(), 0.0);
        affine(isa, input, &self.weights, &self.bias, output);
    }
}

impl Norm {
    fn load(weights: &Weights, name: &str, width: usize) -> Result<Self, WeightsError> {
        Ok(Self {
            scale: weights.read(&format!("{name}.weight"), &[width])?,
            shift: weights.read(&format!("{name}.bias"), &[width])?,
        })
    }

    fn apply(&self, bert: &Bert, values: &mut [f32], more: &[f32]) {
        add_norm(bert.isa, values, more, &self.scale, &self.shift, bert.epsilon);
    }
}
