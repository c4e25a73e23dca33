//! The events of a request.

use cortex_chat::Part;
use cortex_grammar::ConstraintError;

use super::receipt::{Receipt, Usage};

/// An event of an answer. Every answer ends with exactly one `Ended` or `Failed`, unless its
/// receiver is dropped.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Whole characters. Text that may begin a stop string is held back.
    Text {
        choice: u32,
        text: String,
        /// How many tokens made this text.
        count: usize,
        /// The tokens, if the request asked for log-probabilities.
        tokens: Vec<Token>,
    },
    /// The same for a message: parts of its content, reasoning and calls.
    Parts {
        choice: u32,
        parts: Vec<Part>,
        count: usize,
        tokens: Vec<Token>,
    },
    Ended(Box<AnswerEnd>),
    Failed {
        choice: u32,
        error: AnswerError,
    },
}

/// A sampled token. Probabilities are natural logarithms in the model's own distribution.
#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    pub id: u32,
    /// The bytes that it adds to the text, which may be part of a character.
    pub bytes: Vec<u8>,
    /// The name of a control token, which adds no text.
    pub control: Option<String>,
    pub logprob: f32,
    /// The most likely tokens, in order of probability.
    pub top: Vec<Alternative>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Alternative {
    pub id: u32,
    pub bytes: Vec<u8>,
    pub control: Option<String>,
    pub logprob: f32,
}

/// The end of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerEnd {
    pub choice: u32,
    pub reason: StopReason,
    pub usage: Usage,
    pub receipt: Receipt,
}

/// Why an answer is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopReason {
    /// The model ended it, the grammar allows nothing more, or this stop string appeared.
    Stop { string: Option<String> },
    /// It reached its maximum number of tokens.
    Length,
}

/// Why an answer is incomplete.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    #[error("the deadline passed before the answer was complete")]
    Deadline,
    #[error("the request was cancelled")]
    Cancelled,
    #[error("the client fell {behind} events behind: read faster or request fewer tokens")]
    SlowReader { behind: usize },
    #[error("the model produced numbers that are not finite for this text")]
    NotFinite,
    #[error("the device failed: {0}")]
    Device(String),
    #[error("the answer can't match its grammar: {0}")]
    Grammar(ConstraintError),
    #[error("the model was unloaded: try again")]
    Stopped,
}
