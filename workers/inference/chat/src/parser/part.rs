//! What an answer is taken apart into.

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    Text(String),
    Reasoning(String),
    /// A call of a tool begins. Calls are numbered from 0.
    Call {
        index: usize,
        name: String,
    },
    /// The next piece of the text of a call's arguments.
    Arguments {
        index: usize,
        delta: String,
    },
    /// A call's arguments are a whole JSON object now.
    Called {
        index: usize,
    },
    /// A call went wrong in the middle of its arguments; what follows comes as text.
    Broken {
        index: usize,
    },
}

/// In what the answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// In text, or after a whole call.
    Whole,
    /// Still thinking.
    Reasoning,
    /// In the middle of a call, which was announced or left out. Its number, or that which it would have had.
    Call { index: usize },
}
