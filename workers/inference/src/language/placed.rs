//! A model where it runs.

use std::ops::ControlFlow;

use cortex_batch::BLOCK;
use cortex_graph::{Graph, GraphError};
use cortex_transformer::{Cache, CacheError, Model, Piece, Wants};

use super::Place;
use super::budget::{Budget, USUAL};
use super::network::Network;
use super::place::On;
use crate::{DeviceError, Dtype};

/// A model on its device, with the memory it computes in.
#[derive(Debug)]
pub struct Placed {
    pub(super) network: Network,
    pub(super) blocks: usize,
    pub(super) context: usize,
    /// What weights and cache take there.
    pub(super) bytes: u64,
}

/// Why a model can't be brought to a device.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    #[error(transparent)]
    Device(#[from] DeviceError),
    #[error("cpu has no {0}: give f32, or f16 for keys and values")]
    Dtype(Dtype),
    #[error("no memory for {what}: they need {needs} bytes and {free} are free")]
    Memory { what: &'static str, needs: u64, free: u64 },
    #[error("{given} bytes of cache are less than the {least} of one block: give it more")]
    CacheTooSmall { given: u64, least: u64 },
    #[error("the cache can't be made: {0}")]
    Cache(#[from] CacheError),
    #[error(transparent)]
    Graph(#[from] GraphError),
}

impl Placed {
    /// Brings a model to a place. The cache has `cache_bytes`, or half of what is free there beside the weights (at most
    /// 4 GiB of the machine's own memory), and no more than `running` sequences can use. `progress` hears how many
    /// layers are there, and ends it when it breaks.
    pub fn new(
        model: Model,
        place: &Place,
        cache_bytes: Option<u64>,
        running: usize,
        progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
    ) -> Result<Self, PlaceError> {
        let context = model.shape().context;
        let free = place.free();
        let asked = cache_bytes;
        let budget = |usual, free, block| Budget { asked, usual, free, block, context, running };
        let (network, weights, block, blocks) = match &place.on {
            On::Loops(store) => {
                let (weights, block) = (model.bytes(), Cache::block_bytes(model.shape(), *store));
                // The weights are mapped, and what is mapped counts as free.
                let blocks = budget(USUAL, free.saturating_sub(weights), block).blocks()?;
                let cache = Cache::new(model.shape(), blocks, *store)?;
                (Network::loops(model, cache), weights, block, blocks)
            }
            On::Graph(device, dtype) => {
                let weights = Graph::bytes(&model, *dtype);
                if weights > free {
                    return Err(PlaceError::Memory { what: "the weights", needs: weights, free });
                }
                let graph = Graph::new(&model, device, *dtype, progress)?;
                let block = cortex_graph::Cache::block_bytes(model.shape(), *dtype);
                let blocks = budget(u64::MAX, place.free().min(free - weights), block).blocks()?;
                let cache = graph.cache(&model, blocks)?;
                (Network::graph(model, graph, cache), weights, block, blocks)
            }
        };
        let bytes = weights.saturating_add(block.saturating_mul(blocks as u64));
        Ok(Self { network, blocks, context, bytes })
    }

    /// Runs a short prompt and a token after it, so that every page is touched and every operation has run.
    ///
    /// # Errors
    /// With the reason, if no logits come of it.
    pub fn warm_up(&mut self) -> Result<(), String> {
        let most = self.context.min(self.blocks * BLOCK);
        let tokens = vec![0; most.min(PROMPT + 1)];
        let blocks: Vec<u32> = (0..).take(tokens.len().div_ceil(BLOCK)).collect();
        let (prompt, next) = tokens.split_at(tokens.len().min(PROMPT));
        for (tokens, start) in [(prompt, 0), (next, prompt.len())] {
            if tokens.is_empty() {
                continue;
            }
            let piece = Piece { tokens, start, blocks: &blocks, wants: Wants::Last };
            let mut computed = self.network.run(&[piece]);
            let logits = computed.logits(0)?.ok_or("the forward pass gave no logits")?;
            if !logits.iter().all(|logit| logit.is_finite()) {
                return Err("the forward pass gave a number that is not finite".into());
            }
        }
        Ok(())
    }
}

/// Tokens of the prompt that warms a model up.
const PROMPT: usize = 8;
