//! A model where it runs.

use cortex_batch::BLOCK;
use cortex_transformer::{Cache, CacheError, Model, Piece, Store, Wants};

use super::budget::Budget;
use super::network::Network;
use crate::memory;

/// A model on its device, with the memory it computes in.
#[derive(Debug)]
pub struct Placed {
    pub(super) network: Network,
    pub(super) blocks: usize,
    pub(super) context: usize,
    /// What weights and cache take there.
    pub(super) bytes: u64,
}

/// Why a model can't be brought to its device.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    #[error("the cache can't be made: {0}")]
    Cache(#[from] CacheError),
    #[error("{given} bytes of cache are less than the {least} of one block: give it more")]
    CacheTooSmall { given: u64, least: u64 },
    #[error("no memory for {what}: they need {needs} bytes and {free} are free")]
    Memory { what: &'static str, needs: u64, free: u64 },
}

impl Placed {
    /// On the CPU by our own loops. The cache has `cache_bytes`, or half of what is free beside the weights, and no
    /// more than `running` sequences can use.
    pub fn loops(
        model: Model,
        store: Store,
        cache_bytes: Option<u64>,
        running: usize,
    ) -> Result<Self, PlaceError> {
        let (context, weights) = (model.shape().context, model.bytes());
        let block = Cache::block_bytes(model.shape(), store);
        // The weights are mapped, and what is mapped counts as free.
        let free = memory::free().saturating_sub(weights);
        let blocks = Budget { asked: cache_bytes, free, block, context, running }.blocks()?;
        let cache = Cache::new(model.shape(), blocks, store)?;
        let bytes = weights.saturating_add(block.saturating_mul(blocks as u64));
        Ok(Self { network: Network::new(model, cache), blocks, context, bytes })
    }

    /// Runs a short prompt and a token after it, so that every page is touched and every operation has run.
    ///
    /// # Errors
    /// With the reason, if no logits come of it.
    pub fn warm_up(&mut self) -> Result<(), String> {
        let most = self.context.min(self.blocks * BLOCK);
        let tokens = vec![0; most.min(WARM + 1)];
        let blocks: Vec<u32> = (0..).take(tokens.len().div_ceil(BLOCK)).collect();
        let (prompt, next) = tokens.split_at(tokens.len().min(WARM));
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
const WARM: usize = 8;
