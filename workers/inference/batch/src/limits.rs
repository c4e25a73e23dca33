//! The limits of a batch.

use crate::BLOCK;

/// The limits of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Blocks in the cache.
    pub blocks: usize,
    /// The maximum number of tokens in a step: one for each sequence that generates, and the rest
    /// for prompts. At least `running` + 1.
    pub step_tokens: usize,
    /// How many sequences run at once.
    pub running: usize,
    /// How many sequences may wait. A tenant may use as many places as stay free besides its own,
    /// so alone it gets half of them.
    pub waiting: usize,
    /// The longest sequence that the model supports, in tokens.
    pub context: usize,
}

impl Limits {
    /// Returns the limits, raised so that progress is possible.
    pub(crate) fn clamped(self) -> Self {
        let running = self.running.max(1);
        Self {
            blocks: self.blocks.max(1),
            step_tokens: self.step_tokens.max(running + 1),
            running,
            waiting: self.waiting.max(2),
            context: self.context,
        }
    }

    /// Returns the length of the longest sequence that can ever run. The last sampled token needs
    /// no place in the cache.
    pub fn longest(&self) -> usize {
        self.context.min(self.blocks * BLOCK + 1)
    }
}
