//! A model on its device.

use std::ops::ControlFlow;

use cortex_batch::BLOCK;
use cortex_graph::{Graph, GraphError};
use cortex_transformer::{Cache, CacheError, LogitsFor, Model, Segment};

use super::ComputeDevice;
use super::budget::{Budget, DEFAULT_MAX_CACHE_BYTES};
use super::compute_device::Backend;
use super::network::Network;
use crate::{DeviceError, Dtype};

/// A model on its device, with its cache.
#[derive(Debug)]
pub struct PlacedModel {
    pub(super) network: Network,
    pub(super) blocks: usize,
    pub(super) context: usize,
    /// Bytes that weights and cache take on the device.
    pub(super) bytes: u64,
}

/// Why a model can't be brought to a device.
#[derive(Debug, thiserror::Error)]
pub enum PlacementError {
    #[error(transparent)]
    Device(#[from] DeviceError),
    #[error("unsupported dtype {0} on cpu: use f32, or f16 for keys and values")]
    Dtype(Dtype),
    #[error("not enough memory for {what}: they need {needs} bytes, but only {free} are free")]
    Memory { what: &'static str, needs: u64, free: u64 },
    #[error("a cache of {cache_bytes} bytes is too small: one block needs {block} bytes")]
    CacheTooSmall { cache_bytes: u64, block: u64 },
    #[error("the cache can't be allocated: {0}")]
    Cache(#[from] CacheError),
    #[error(transparent)]
    Graph(#[from] GraphError),
}

impl PlacedModel {
    /// Brings a model to a device. The cache has `cache_bytes`. By default it gets half of the
    /// memory that is free besides the weights, at most 4 GiB of the machine's own. It never has
    /// more than `running` sequences can use. `progress` gets the number of layers on the device,
    /// and a break ends the load.
    pub fn new(
        model: Model,
        place: &ComputeDevice,
        cache_bytes: Option<u64>,
        running: usize,
        progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
    ) -> Result<Self, PlacementError> {
        let context = model.shape().context;
        let free = place.free();
        let requested = cache_bytes;
        let budget =
            |default_max, free, block| Budget { requested, default_max, free, block, context, running };
        let (network, weights, block, blocks) = match &place.backend {
            Backend::Loops(store) => {
                let (weights, block) = (model.bytes(), Cache::block_bytes(model.shape(), *store));
                // The weights are mapped, and mapped memory counts as free.
                let blocks = budget(DEFAULT_MAX_CACHE_BYTES, free.saturating_sub(weights), block).blocks()?;
                let cache = Cache::new(model.shape(), blocks, *store)?;
                (Network::loops(model, cache), weights, block, blocks)
            }
            Backend::Graph(device, dtype) => {
                let weights = Graph::bytes(&model, *dtype);
                if weights > free {
                    return Err(PlacementError::Memory { what: "the weights", needs: weights, free });
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

    /// Runs a short prompt and one more token, so that every page is touched and every operation
    /// has run.
    ///
    /// # Errors
    ///
    /// Returns the reason if the logits are missing or not finite.
    pub fn warm_up(&mut self) -> Result<(), String> {
        let most = self.context.min(self.blocks * BLOCK);
        let tokens = vec![0; most.min(PROMPT + 1)];
        let blocks: Vec<u32> = (0..).take(tokens.len().div_ceil(BLOCK)).collect();
        let (prompt, next) = tokens.split_at(tokens.len().min(PROMPT));
        for (tokens, start) in [(prompt, 0), (next, prompt.len())] {
            if tokens.is_empty() {
                continue;
            }
            let segment = Segment { tokens, start, blocks: &blocks, logits_for: LogitsFor::Last };
            let mut computed = self.network.run(&[segment]);
            let logits = computed.logits(0)?.ok_or("the forward pass gave no logits")?;
            if !logits.iter().all(|logit| logit.is_finite()) {
                return Err("the forward pass gave a number that is not finite".into());
            }
        }
        Ok(())
    }
}

/// The length of the prompt that warms a model up.
const PROMPT: usize = 8;
