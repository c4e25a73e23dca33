//! Options for loading a model.

use std::num::NonZeroUsize;

/// Options for loading a model.
#[derive(Debug, Clone)]
pub struct Options {
    /// The number of threads for a forward pass, including the caller's.
    pub threads: NonZeroUsize,
    /// The maximum number of tokens in a sequence, if less than the model's own limit.
    pub context: Option<NonZeroUsize>,
}

impl Default for Options {
    /// Returns one thread per processor, and the model's own context.
    fn default() -> Self {
        let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self { threads, context: None }
    }
}

/// The progress of a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of weights that are in memory.
    pub read: u64,
    /// Bytes of all weights.
    pub of: u64,
}
