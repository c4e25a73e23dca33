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
    count: usize,
}

/// Text that can be sent, with the tokens behind it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Chunk {
    pub(super) text: String,
    pub(super) count: usize,
    pub(super) tokens: Vec<Token>,
    /// Which stop string ended the text.
    pub(super) stopped: Option<usize>,
}

impl Writer {
    pub(super) fn new(stops: Vec<String>) -> Self {
        Self { stops: Stops::new(stops), ..Self::default() }
    }

    /// Adds what a token adds; `token` tells of it if somebody wants to know.
    pub(super) fn push(&mut self, bytes: &[u8], token: Option<Token>) -> Chunk {
        self.held.extend(token);
        self.count += 1;
        let passed = self.stops.push(&self.detokenizer.push(bytes));
        self.chunk(passed.text, passed.stopped)
    }

    /// What is left before a control token: no character and no stop string reaches over it.
    pub(super) fn interrupt(&mut self, token: Option<Token>) -> Chunk {
        self.held.extend(token);
        self.count += 1;
        let rest = std::mem::take(&mut self.detokenizer).finish();
        let Passed { mut text, stopped } = self.stops.push(&rest);
        if stopped.is_none() {
            text.push_str(&self.stops.restart());
        }
        self.chunk(text, stopped)
    }

    /// What is left when nothing more comes; tokens that added no text come too.
    pub(super) fn finish(mut self) -> Chunk {
        let rest = std::mem::take(&mut self.detokenizer).finish();
        let Passed { mut text, stopped } = self.stops.push(&rest);
        if stopped.is_some() {
            return self.chunk(text, stopped);
        }
        text.push_str(&self.stops.finish());
        Chunk { text, count: self.count, tokens: self.held, stopped }
    }

    /// Tokens go with the first text that follows them; those of a stop string alone are never told of.
    fn chunk(&mut self, text: String, stopped: Option<usize>) -> Chunk {
        if text.is_empty() {
            return Chunk { stopped, ..Chunk::default() };
        }
        let (count, tokens) = (std::mem::take(&mut self.count), std::mem::take(&mut self.held));
        Chunk { text, count, tokens, stopped }
    }
}
