//! The forward pass, independent of its device.

use std::fmt;

use cortex_graph::Graph;
use cortex_transformer::{Cache, LogitsFor, Model, Segment};

/// A block of the batch is a block of the cache.
const _: () = assert!(cortex_batch::BLOCK == cortex_transformer::BLOCK);

/// Computes one step. Returns the logits of the segments that ask for them, in order.
type Compute = Box<dyn FnMut(&[Segment<'_>]) -> Result<Vec<f32>, String> + Send>;

/// A model with its cache.
pub(super) struct Network {
    compute: Compute,
    vocabulary: usize,
}

/// The logits of a step.
#[derive(Debug)]
pub(super) struct StepLogits {
    logits: Vec<f32>,
    /// For each segment, the row of its logits if it has one, or why it could not be computed.
    rows: Vec<Result<Option<usize>, String>>,
    vocabulary: usize,
}

impl Network {
    pub(super) fn loops(model: Model, mut cache: Cache) -> Self {
        let vocabulary = model.shape().vocabulary;
        let compute = move |segments: &[Segment<'_>]| {
            model.forward(&mut cache, segments).map_err(|error| error.to_string())
        };
        Self::of(vocabulary, compute)
    }

    pub(super) fn graph(model: Model, graph: Graph, mut cache: cortex_graph::Cache) -> Self {
        let vocabulary = model.shape().vocabulary;
        let compute = move |segments: &[Segment<'_>]| {
            graph.forward(&model, &mut cache, segments).map_err(|error| error.to_string())
        };
        Self::of(vocabulary, compute)
    }

    pub(super) fn of(
        vocabulary: usize,
        compute: impl FnMut(&[Segment<'_>]) -> Result<Vec<f32>, String> + Send + 'static,
    ) -> Self {
        Self { compute: Box::new(compute), vocabulary }
    }

    /// Runs a step. If the step fails, every segment runs alone, so that only the faulty ones fail.
    pub(super) fn run(&mut self, segments: &[Segment<'_>]) -> StepLogits {
        let logits_for = |segment: &Segment<'_>| matches!(segment.logits_for, LogitsFor::Last);
        if let Ok(logits) = (self.compute)(segments) {
            let mut next = 0;
            let rows = segments.iter().map(|segment| {
                let row = logits_for(segment).then_some(next);
                next += usize::from(logits_for(segment));
                Ok(row)
            });
            return StepLogits { logits, rows: rows.collect(), vocabulary: self.vocabulary };
        }
        let mut all = StepLogits { logits: Vec::new(), rows: Vec::new(), vocabulary: self.vocabulary };
        for segment in segments {
            let row = (self.compute)(std::slice::from_ref(segment)).map(|logits| {
                let row = all.logits.len() / self.vocabulary;
                all.logits.extend(logits);
                logits_for(segment).then_some(row)
            });
            all.rows.push(row);
        }
        all
    }
}

impl StepLogits {
    /// Returns the logits of a segment, or `None` if it asked for none.
    pub(super) fn logits(&mut self, segment: usize) -> Result<Option<&mut [f32]>, String> {
        let vocabulary = self.vocabulary;
        let Some(row) = self.rows[segment].clone()? else { return Ok(None) };
        let logits = self.logits.get_mut(row * vocabulary..(row + 1) * vocabulary);
        logits.map(Some).ok_or_else(|| "the forward pass gave too few logits".into())
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").field("vocabulary", &self.vocabulary).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_that_can_not_be_computed_fails_alone() {
        let mut network = Network::of(1, |segments| {
            let bad = segments.iter().any(|segment| segment.tokens[0] == 9);
            if bad {
                Err("nine".into())
            } else {
                Ok(vec![f32::from(segments[0].start as u8); segments.len()])
            }
        });
        let segment = |token: &'static [u32], start| Segment {
            tokens: token,
            start,
            blocks: &[0],
            logits_for: LogitsFor::Last,
        };
        let mut computed = network.run(&[segment(&[1], 3), segment(&[9], 4), segment(&[1], 5)]);
        assert_eq!(computed.logits(0).unwrap().unwrap(), [3.0]);
        assert_eq!(computed.logits(1).unwrap_err(), "nine");
        assert_eq!(computed.logits(2).unwrap().unwrap(), [5.0]);
    }
}
