//! The size of the cache.

use cortex_batch::BLOCK;

use super::PlacementError;

/// What decides the size of the cache, in bytes and tokens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    /// The configured size, if any.
    pub(super) requested: Option<u64>,
    /// The largest default size.
    pub(super) default_max: u64,
    /// Memory that is left besides the weights.
    pub(super) free: u64,
    /// The size of a block in bytes.
    pub(super) block: u64,
    pub(super) context: usize,
    pub(super) running: usize,
}

/// The largest default size of keys and values in the machine's own memory.
pub(super) const DEFAULT_MAX_CACHE_BYTES: u64 = 4 << 30;

impl Budget {
    /// Returns the number of blocks. The default is half of the free memory, up to `default_max`.
    /// It is never more than all running sequences can use.
    pub(super) fn blocks(self) -> Result<usize, PlacementError> {
        let most = self.running.saturating_mul(self.context.div_ceil(BLOCK));
        let cache_bytes = self.requested.unwrap_or(self.default_max.min(self.free / 2));
        let blocks = usize::try_from(cache_bytes / self.block.max(1)).unwrap_or(usize::MAX).min(most);
        if blocks == 0 {
            return Err(PlacementError::CacheTooSmall { cache_bytes, block: self.block });
        }
        let needs = self.block.saturating_mul(blocks as u64);
        if needs > self.free {
            return Err(PlacementError::Memory { what: "keys and values", needs, free: self.free });
        }
        Ok(blocks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: Budget =
        Budget { requested: None, default_max: u64::MAX, free: 1000, block: 10, context: 100, running: 4 };

    #[test]
    fn a_cache_takes_half_of_what_is_free_and_no_more_than_can_be_used() {
        assert_eq!(Budget { context: 10_000, ..BUDGET }.blocks().unwrap(), 50);
        assert_eq!(Budget { context: 10_000, default_max: 90, ..BUDGET }.blocks().unwrap(), 9);
        assert_eq!(
            Budget { context: 10_000, default_max: 90, requested: Some(300), ..BUDGET }.blocks().unwrap(),
            30
        );
        // Four blocks hold 100 tokens.
        assert_eq!(BUDGET.blocks().unwrap(), 16);
        assert_eq!(Budget { requested: Some(30), ..BUDGET }.blocks().unwrap(), 3);
        assert_eq!(Budget { requested: Some(u64::MAX), ..BUDGET }.blocks().unwrap(), 16);
    }

    #[test]
    fn a_cache_that_can_not_be_had_is_refused_with_the_numbers() {
        let text = |budget: Budget| budget.blocks().unwrap_err().to_string();
        let small = "a cache of 9 bytes is too small: one block needs 10 bytes";
        assert_eq!(text(Budget { requested: Some(9), ..BUDGET }), small);
        let large = "not enough memory for keys and values: they need 160 bytes, but only 100 are free";
        assert_eq!(text(Budget { requested: Some(500), free: 100, ..BUDGET }), large);
        assert!(matches!(
            Budget { block: u64::MAX, ..BUDGET }.blocks(),
            Err(PlacementError::CacheTooSmall { .. })
        ));
    }
}
