//! What may be chosen about a model when it is loaded.

use std::num::NonZeroUsize;

/// How a model is loaded.
#[derive(Debug, Clone)]
pub struct Options {
    /// Threads of a forward pass, with the one that calls.
    pub threads: NonZeroUsize,
    /// Tokens of the longest sequence, if fewer than the model was made for.
    pub context: Option<NonZeroUsize>,
}

impl Default for Options {
    /// As many threads as there are processors, and the model's own context.
    fn default() -> Self {
        let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self { threads, context: None }
    }
}

/// How far a load has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of weights that are in memory.
    pub read: u64,
    /// Bytes of weights there are.
    pub of: u64,
}
