//! What comes of a request.

use cortex_chat::Part;
use cortex_grammar::ConstraintError;

use super::receipt::{Receipt, Usage};

/// A piece of one answer. Every answer ends with exactly one `Ended` or `Failed`, unless nobody listens any more.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Whole characters; what could be the beginning of a stop string is held back.
    Text {
        choice: u32,
        text: String,
        /// How many tokens are behind this text.
        count: usize,
        /// What they are, if log-probabilities were asked for.
        tokens: Vec<Token>,
    },
    /// The same of a message: pieces of its content, its thoughts and its calls.
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

/// A token that was chosen. Probabilities are natural logarithms in the model's own distribution.
#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    pub id: u32,
    /// What it adds to the text, which may be a part of a character.
    pub bytes: Vec<u8>,
    /// The name of a control token, which adds nothing.
    pub control: Option<String>,
    pub logprob: f32,
    /// The most likely ones, the most likely first.
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

/// FinishKind an answer is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopReason {
    /// The model ended it, the grammar allowed nothing more, or the stop string that is named came.
    Stop { string: Option<String> },
    /// It has as many tokens as it may have.
    Length,
}

/// FinishKind an answer is not whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    #[error("the deadline passed")]
    Deadline,
    #[error("the request was cancelled")]
    Cancelled,
    #[error("the reader fell {behind} events behind: read faster or ask for less")]
    SlowReader { behind: usize },
    #[error("the model's numbers for this text are not finite, so nothing can be chosen from them")]
    NotFinite,
    #[error("the device failed: {0}")]
    Device(String),
    #[error("the answer can't be finished as its grammar asks: {0}")]
    Grammar(ConstraintError),
    #[error("the model was unloaded")]
    Stopped,
}
