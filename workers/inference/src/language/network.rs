//! The forward pass as the loop sees it.

use std::fmt;

use cortex_graph::Graph;
use cortex_transformer::{Cache, Model, Piece, Wants};

/// What the batch shares out is what the cache holds.
const _: () = assert!(cortex_batch::BLOCK == cortex_transformer::BLOCK);

/// One step's computation: the logits of the pieces that want them, in their order.
type Compute = Box<dyn FnMut(&[Piece<'_>]) -> Result<Vec<f32>, String> + Send>;

/// A model with its cache.
pub(super) struct Network {
    compute: Compute,
    vocabulary: usize,
}

/// What a step gave.
#[derive(Debug)]
pub(super) struct Computed {
    logits: Vec<f32>,
    /// For each piece, where its logits are, if it wanted any; or why it could not be computed.
    rows: Vec<Result<Option<usize>, String>>,
    vocabulary: usize,
}

impl Network {
    pub(super) fn loops(model: Model, mut cache: Cache) -> Self {
        let vocabulary = model.shape().vocabulary;
        let compute =
            move |pieces: &[Piece<'_>]| model.forward(&mut cache, pieces).map_err(|error| error.to_string());
        Self::of(vocabulary, compute)
    }

    pub(super) fn graph(model: Model, graph: Graph, mut cache: cortex_graph::Cache) -> Self {
        let vocabulary = model.shape().vocabulary;
        let compute = move |pieces: &[Piece<'_>]| {
            graph.forward(&model, &mut cache, pieces).map_err(|error| error.to_string())
        };
        Self::of(vocabulary, compute)
    }

    pub(super) fn of(
        vocabulary: usize,
        compute: impl FnMut(&[Piece<'_>]) -> Result<Vec<f32>, String> + Send + 'static,
    ) -> Self {
        Self { compute: Box::new(compute), vocabulary }
    }

    /// Runs a step. If it fails as a whole, every piece is tried alone, so that only those fail that must.
    pub(super) fn run(&mut self, pieces: &[Piece<'_>]) -> Computed {
        let wants = |piece: &Piece<'_>| matches!(piece.wants, Wants::Last);
        if let Ok(logits) = (self.compute)(pieces) {
            let mut next = 0;
            let rows = pieces.iter().map(|piece| {
                let row = wants(piece).then_some(next);
                next += usize::from(wants(piece));
                Ok(row)
            });
            return Computed { logits, rows: rows.collect(), vocabulary: self.vocabulary };
        }
        let mut all = Computed { logits: Vec::new(), rows: Vec::new(), vocabulary: self.vocabulary };
        for piece in pieces {
            let row = (self.compute)(std::slice::from_ref(piece)).map(|logits| {
                let row = all.logits.len() / self.vocabulary;
                all.logits.extend(logits);
                wants(piece).then_some(row)
            });
            all.rows.push(row);
        }
        all
    }
}

impl Computed {
    /// The logits of a piece, `None` if it wanted none.
    pub(super) fn logits(&mut self, piece: usize) -> Result<Option<&mut [f32]>, String> {
        let vocabulary = self.vocabulary;
        let Some(row) = self.rows[piece].clone()? else { return Ok(None) };
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
        let mut network = Network::of(1, |pieces| {
            let bad = pieces.iter().any(|piece| piece.tokens[0] == 9);
            if bad { Err("nine".into()) } else { Ok(vec![f32::from(pieces[0].start as u8); pieces.len()]) }
        });
        let piece =
            |token: &'static [u32], start| Piece { tokens: token, start, blocks: &[0], wants: Wants::Last };
        let mut computed = network.run(&[piece(&[1], 3), piece(&[9], 4), piece(&[1], 5)]);
        assert_eq!(computed.logits(0).unwrap().unwrap(), [3.0]);
        assert_eq!(computed.logits(1).unwrap_err(), "nine");
        assert_eq!(computed.logits(2).unwrap().unwrap(), [5.0]);
    }
}
