//! How an engine shares its model.

/// Bounds of one engine. The rest follows from the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Sequences that run at once.
    pub running: usize,
    /// Sequences that wait; a tenant alone may have half of it.
    pub waiting: usize,
    /// Tokens of one step. Larger steps read prompts faster and make those that are being answered wait longer.
    pub step_tokens: usize,
    /// Events that a reader may fall behind before it is cut, for each answer to a prompt.
    pub events: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { running: 16, waiting: 256, step_tokens: 256, events: 256 }
    }
}
