//! How much there is to share.

use crate::BLOCK;

/// What a batch may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Blocks of the cache.
    pub blocks: usize,
    /// Tokens of one step: one for each sequence that generates, the rest for prompts. At least `running` + 1.
    pub step_tokens: usize,
    /// Sequences that run at once.
    pub running: usize,
    /// Sequences that wait. A tenant may hold as many places as are left free beside its own: alone, half of them.
    pub waiting: usize,
    /// Positions of the longest sequence that the model can read.
    pub context: usize,
}

impl Limits {
    /// The same with nothing too small to make progress.
    pub(crate) fn sane(self) -> Self {
        let running = self.running.max(1);
        Self {
            blocks: self.blocks.max(1),
            step_tokens: self.step_tokens.max(running + 1),
            running,
            waiting: self.waiting.max(2),
            context: self.context,
        }
    }

    /// Tokens of the longest sequence that can ever run: the last one sampled takes no place in the cache.
    pub fn longest(&self) -> usize {
        self.context.min(self.blocks * BLOCK + 1)
    }
}
