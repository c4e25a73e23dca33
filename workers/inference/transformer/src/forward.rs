//! The forward pass: runs the next tokens of some sequences through all layers.

use cortex_compute::{Heads, RopeTable, Span, attend, multiply, rms_norm, rope, silu_times};

use crate::cache::{Cache, Sizes};
use crate::model::Model;
use crate::segment::{Segment, SegmentError, check_disjoint, logit_spans, spans};
use crate::weights::{Layer, Linear};

/// Why a step isn't run. The cache is unchanged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForwardError {
    #[error("segment {segment}: {error}")]
    Segment { segment: usize, error: SegmentError },
    #[error("the cache was made for a model with other sizes")]
    Cache,
}

impl Model {
    /// Runs a step. It writes the keys and values of the segments' tokens into their blocks of the
    /// cache. Returns the requested logits, a row of the vocabulary's length for each, in the order
    /// of the segments and their tokens.
    pub fn forward(&self, cache: &mut Cache, segments: &[Segment<'_>]) -> Result<Vec<f32>, ForwardError> {
        if cache.sizes != Sizes::of(&self.shape) {
            return Err(ForwardError::Cache);
        }
        self.check(cache.blocks(), segments)?;
        let mut step = Step::new(self, segments);
        let last = self.weights.layers.len() - 1;
        for (number, layer) in self.weights.layers.iter().enumerate() {
            step.project_kv(cache, number, layer);
            if number == last {
                step.select_rows(segments);
            }
            if step.rows() == 0 {
                break;
            }
            step.attend(cache, number, layer);
            step.mlp(layer);
        }
        Ok(step.logits())
    }

    /// Checks whether a step with these segments can run on a cache of `blocks` blocks.
    pub fn check(&self, blocks: usize, segments: &[Segment<'_>]) -> Result<(), ForwardError> {
        for (segment, given) in segments.iter().enumerate() {
            let checked = given.check(self.shape.vocabulary, self.shape.context, blocks);
            checked.map_err(|error| ForwardError::Segment { segment, error })?;
        }
        check_disjoint(segments, blocks).map_err(|(segment, error)| ForwardError::Segment { segment, error })
    }
}

/// The state of a step. Each buffer has a row per token.
struct Step<'a> {
    model: &'a Model,
    spans: Vec<Span<'a>>,
    rope_table: RopeTable,
    /// The residual stream.
    stream: Vec<f32>,
    queries: Vec<f32>,
    /// Buffers that are used for several values in turn.
    wide: [Vec<f32>; 2],
    narrow: [Vec<f32>; 2],
}

impl<'a> Step<'a> {
    fn new(model: &'a Model, segments: &[Segment<'a>]) -> Self {
        let spans = spans(segments);
        let hidden = model.shape.hidden;
        let tokens: Vec<u32> = segments.iter().flat_map(|segment| segment.tokens).copied().collect();
        let mut stream = vec![0.0; tokens.len() * hidden];
        for (&token, row) in tokens.iter().zip(stream.chunks_exact_mut(hidden)) {
            model.weights.embedding.row(token as usize, row);
        }
        let positions = spans.iter().flat_map(|span| span.start..span.start + span.rows.len());
        let rope_table = model.rope_table(positions);
        Self {
            model,
            spans,
            rope_table,
            stream,
            queries: vec![],
            wide: [vec![], vec![]],
            narrow: [vec![], vec![]],
        }
    }

    fn rows(&self) -> usize {
        self.stream.len() / self.model.shape.hidden
    }

    /// Projects queries, keys and values, and writes keys and values into the cache.
    fn project_kv(&mut self, cache: &mut Cache, number: usize, layer: &Layer) {
        let (model, shape) = (self.model, &self.model.shape);
        let [normed, spare] = &mut self.wide;
        let [keys, values] = &mut self.narrow;
        model.norm(&self.stream, &layer.attention_norm, normed);
        model.linear(normed, &layer.query, &mut self.queries);
        model.linear(normed, &layer.key, keys);
        model.linear(normed, &layer.value, values);
        if let Some((query_norm, key_norm)) = &layer.head_norms {
            model.norm(&self.queries, query_norm, spare);
            std::mem::swap(&mut self.queries, spare);
            model.norm(keys, key_norm, spare);
            std::mem::swap(keys, spare);
        }
        rope(shape.rope.pairing, &self.rope_table, shape.head_dim, &mut self.queries);
        rope(shape.rope.pairing, &self.rope_table, shape.head_dim, keys);
        cache.pages.write(number, &self.spans, keys, values);
    }

    /// Keeps only the rows whose logits were requested.
    fn select_rows(&mut self, segments: &[Segment<'a>]) {
        let rows: Vec<usize> = self
            .spans
            .iter()
            .zip(segments)
            .flat_map(|(span, segment)| span.rows.end - segment.logit_rows()..span.rows.end)
            .collect();
        retain_rows(&rows, self.model.shape.hidden, &mut self.stream);
        retain_rows(&rows, self.model.shape.query(), &mut self.queries);
        self.spans = logit_spans(segments);
    }

    fn attend(&mut self, cache: &Cache, number: usize, layer: &Layer) {
        let (model, shape) = (self.model, &self.model.shape);
        let [seen, merged] = &mut self.wide;
        let heads = Heads {
            queries: shape.heads,
            scale: 1.0 / (shape.head_dim as f32).sqrt(),
            window: shape.windows[number],
        };
        seen.resize(self.queries.len(), 0.0);
        attend(&model.threads, &cache.pages, number, heads, &self.spans, &self.queries, seen);
        model.linear(seen, &layer.merge, merged);
        add(&mut self.stream, merged);
    }

    fn mlp(&mut self, layer: &Layer) {
        let model = self.model;
        let [gate, up] = &mut self.wide;
        let [normed, _] = &mut self.narrow;
        model.norm(&self.stream, &layer.mlp_norm, normed);
        model.linear(normed, &layer.gate, gate);
        model.linear(normed, &layer.up, up);
        silu_times(model.threads.isa(), gate, up);
        model.linear(gate, &layer.down, normed);
        add(&mut self.stream, normed);
    }

    fn logits(mut self) -> Vec<f32> {
        let weights = &self.model.weights;
        let [normed, _] = &mut self.wide;
        self.model.norm(&self.stream, &weights.norm, normed);
        let mut logits = vec![0.0; self.stream.len() / self.model.shape.hidden * weights.output.rows()];
        multiply(&self.model.threads, normed, &weights.output, &mut logits);
        logits
    }
}

impl Model {
    fn norm(&self, x: &[f32], scale: &[f32], out: &mut Vec<f32>) {
        out.resize(x.len(), 0.0);
        rms_norm(self.threads.isa(), x, scale, self.shape.norm_eps, out);
    }

    fn linear(&self, x: &[f32], linear: &Linear, out: &mut Vec<f32>) {
        out.resize(x.len() / linear.matrix.columns() * linear.matrix.rows(), 0.0);
        multiply(&self.threads, x, &linear.matrix, out);
        if let Some(bias) = &linear.bias {
            for row in out.chunks_exact_mut(bias.len()) {
                add(row, bias);
            }
        }
    }
}

fn add(to: &mut [f32], what: &[f32]) {
    for (to, what) in to.iter_mut().zip(what) {
        *to += what;
    }
}

/// Keeps some rows, given in ascending order.
fn retain_rows(rows: &[usize], width: usize, values: &mut Vec<f32>) {
    for (to, &from) in rows.iter().enumerate() {
        values.copy_within(from * width..(from + 1) * width, to * width);
    }
    values.truncate(rows.len() * width);
}
