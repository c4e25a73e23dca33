//! Limits of an engine.

/// Limits of an engine. Further limits follow from the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How many sequences run at once.
    pub running: usize,
    /// How many sequences may wait. One tenant may use half of them.
    pub waiting: usize,
    /// The maximum number of tokens in a step. Larger steps read prompts faster, but delay the
    /// answers in progress.
    pub step_tokens: usize,
    /// How many events a reader may fall behind before the answer is aborted, for each answer to a
    /// prompt.
    pub events: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { running: 16, waiting: 256, step_tokens: 256, events: 256 }
    }
}
