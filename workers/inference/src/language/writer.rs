//! From tokens to text.

use cortex_tokens::{Detokenizer, Passed, Stops};

use super::event::Token;

/// Writes one answer: whole characters, and nothing that could be the beginning of a stop string.
#[derive(Debug, Default)]
pub(super) struct Writer {
    detokenizer: Detokenizer,
    stops: Stops,
    /// Tokens whose text is held back.
    held: Vec<Token>,
}

/// Text that can be sent, with the tokens behind it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Chunk {
    pub(super) text: String,
    pub(super) tokens: Vec<Token>,
    /// Which stop string ended the text.
    pub(super) stopped: Option<usize>,
}

impl Writer {
    pub(super) fn new(stops: Vec<String>) -> Self {
        Self { detokenizer: Detokenizer::default(), stops: Stops::new(stops), held: Vec::new() }
    }

    /// Adds what a token adds; `token` tells of it if somebody wants to know.
    pub(super) fn push(&mut self, bytes: &[u8], token: Option<Token>) -> Chunk {
        self.held.extend(token);
        let passed = self.stops.push(&self.detokenizer.push(bytes));
        self.chunk(passed.text, passed.stopped)
    }

    /// What is left when nothing more comes; tokens that added no text come too.
    pub(super) fn finish(mut self) -> Chunk {
        let rest = std::mem::take(&mut self.detokenizer).finish();
        let Passed { mut text, stopped } = self.stops.push(&rest);
        if stopped.is_some() {
            return self.chunk(text, stopped);
        }
        text.push_str(&self.stops.finish());
        Chunk { text, tokens: self.held, stopped }
    }

    /// Tokens go with the first text that follows them; those of a stop string alone are never told of.
    fn chunk(&mut self, text: String, stopped: Option<usize>) -> Chunk {
        let tokens = if text.is_empty() { Vec::new() } else { std::mem::take(&mut self.held) };
        Chunk { text, tokens, stopped }
    }
}
