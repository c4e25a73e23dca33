//! The parts of an answer.

/// A part of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    Text(String),
    Reasoning(String),
    /// A tool call begins. Calls are numbered from 0.
    Call {
        index: usize,
        name: String,
    },
    /// The next piece of the JSON text of a call's arguments.
    Arguments {
        index: usize,
        delta: String,
    },
    /// A call's arguments are now a complete JSON object.
    Called {
        index: usize,
    },
    /// A call's arguments stopped being valid; the rest follows as text.
    Broken {
        index: usize,
    },
}

/// Where the answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// In text, or after a complete call.
    Whole,
    /// Within the reasoning.
    Reasoning,
    /// Within a call that was announced or left out: its index, or the one it would have had.
    Call { index: usize },
}
