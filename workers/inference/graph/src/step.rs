//! A step's positions, as the tensors that every layer needs.

use candle_core::{DType, Device, Result, Tensor};
use cortex_compute::Matrix;
use cortex_transformer::{BLOCK, Model, Segment};

/// The inputs that all layers of a step share.
pub(crate) struct Step {
    /// The cosines of each token's pairs, `1 x tokens x pairs`.
    pub(crate) cosines: Tensor,
    pub(crate) sines: Tensor,
    /// The cache row of each token, repeated for every value of the row.
    pub(crate) cache_rows: Tensor,
    pub(crate) groups: Vec<Group>,
    /// The rows whose logits were requested.
    pub(crate) logit_rows: Tensor,
}

/// Sequences whose attention is computed at once: a prompt alone, or all sequences with one token.
pub(crate) struct Group {
    /// The first of its rows in the step.
    pub(crate) first: usize,
    pub(crate) sequences: usize,
    /// Tokens of each sequence.
    pub(crate) tokens: usize,
    /// Rows of the cache, `sequences * seen`.
    pub(crate) rows: Tensor,
    /// How many rows each sequence reads. Shorter ones are padded, and the mask hides the padding.
    pub(crate) context_rows: usize,
    /// The mask for each window size of the layers, `sequences x tokens x seen`. It is zero where a
    /// token sees a row, and minus infinity elsewhere.
    mask: Vec<(Option<usize>, Option<Tensor>)>,
}

impl Group {
    /// Returns the mask to add to the scores in a layer with this window.
    pub(crate) fn mask(&self, window: Option<usize>) -> Option<&Tensor> {
        self.mask.iter().find(|(of, _)| *of == window).and_then(|(_, mask)| mask.as_ref())
    }
}

/// Returns the order in which a step runs its segments. Single tokens come first, so that they are
/// adjacent.
pub(crate) fn order(segments: &[Segment<'_>]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..segments.len()).collect();
    order.sort_by_key(|&segment| segments[segment].tokens.len() > 1);
    order
}

impl Step {
    /// Prepares a step. The segments are in the order of [`order`].
    pub(crate) fn new(
        model: &Model,
        segments: &[&Segment<'_>],
        dtype: DType,
        device: &Device,
    ) -> Result<Self> {
        let shape = model.shape();
        let positions = segments.iter().flat_map(|segment| segment.start..segment.end());
        let rope_table = model.rope_table(positions);
        let (tokens, pairs) = (rope_table.tokens(), shape.head_dim / 2);
        let turned = |values: &[f32]| Tensor::from_slice(values, (tokens, pairs), device)?.to_dtype(dtype);
        let (cosines, sines) = rope_table.values();
        let cache_rows: Vec<u32> =
            segments.iter().flat_map(|segment| rows(segment, segment.start..segment.end())).collect();
        let mut windows = shape.windows.clone();
        windows.sort_unstable();
        windows.dedup();
        let singles = segments.iter().take_while(|segment| segment.tokens.len() == 1).count();
        let (mut groups, mut first) = (vec![], 0);
        let (single, several) = segments.split_at(singles);
        let parts = (!single.is_empty()).then_some(single).into_iter().chain(several.chunks(1));
        for part in parts {
            let group = Group::new(part, first, &windows, dtype, device)?;
            first += group.sequences * group.tokens;
            groups.push(group);
        }
        Ok(Self {
            cosines: turned(cosines)?,
            sines: turned(sines)?,
            cache_rows: Tensor::new(cache_rows, device)?
                .unsqueeze(1)?
                .repeat((1, shape.kv()))?
                .contiguous()?,
            groups,
            logit_rows: Tensor::new(logit_rows(segments), device)?,
        })
    }
}

impl Group {
    fn new(
        segments: &[&Segment<'_>],
        first: usize,
        windows: &[Option<usize>],
        dtype: DType,
        device: &Device,
    ) -> Result<Self> {
        let (sequences, tokens) = (segments.len(), segments[0].tokens.len());
        let context_rows = segments.iter().map(|segment| segment.end()).max().unwrap_or(0);
        let padded = segments.iter().flat_map(|segment| {
            let pad = context_rows - segment.end();
            rows(segment, 0..segment.end()).chain(std::iter::repeat_n(segment.blocks[0] * BLOCK as u32, pad))
        });
        let padded: Vec<u32> = padded.collect();
        let mask = windows.iter().map(|&window| {
            let all = segments.iter().flat_map(|segment| {
                (segment.start..segment.end()).flat_map(move |at| {
                    let from = window.map_or(0, |window| (at + 1).saturating_sub(window));
                    (0..context_rows)
                        .map(move |row| if (from..=at).contains(&row) { 0.0 } else { f32::NEG_INFINITY })
                })
            });
            let all: Vec<f32> = all.collect();
            if all.iter().all(|mask| *mask == 0.0) {
                return Ok((window, None));
            }
            let all = Tensor::from_vec(all, (sequences, tokens, context_rows), device)?.to_dtype(dtype)?;
            Ok((window, Some(all)))
        });
        let mask = mask.collect::<Result<_>>()?;
        Ok(Self { first, sequences, tokens, rows: Tensor::new(padded, device)?, context_rows, mask })
    }
}

/// Returns the cache rows of some positions.
fn rows(segment: &Segment<'_>, positions: std::ops::Range<usize>) -> impl Iterator<Item = u32> {
    let blocks = segment.blocks;
    positions.map(move |at| blocks[at / BLOCK] * BLOCK as u32 + (at % BLOCK) as u32)
}

fn logit_rows(segments: &[&Segment<'_>]) -> Vec<u32> {
    let mut rows = vec![];
    let mut end = 0;
    for segment in segments {
        end += segment.tokens.len() as u32;
        rows.extend(end - segment.logit_rows() as u32..end);
    }
    rows
}

/// Returns the embedding of the segments' tokens. It is widened on the CPU, since the rows are few
/// and of any format.
pub(crate) fn embed(
    segments: &[&Segment<'_>],
    embedding: &Matrix,
    dtype: DType,
    device: &Device,
) -> Result<Tensor> {
    let width = embedding.columns();
    let tokens: Vec<u32> = segments.iter().flat_map(|segment| segment.tokens).copied().collect();
    let mut rows = vec![0.0; tokens.len() * width];
    for (&token, row) in tokens.iter().zip(rows.chunks_exact_mut(width)) {
        embedding.row(token as usize, row);
    }
    Tensor::from_vec(rows, (tokens.len(), width), device)?.to_dtype(dtype)
}
