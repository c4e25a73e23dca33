//! Turns tokens into text and message parts.

use cortex_chat::{Parser, Part};
use cortex_tokens::{Detokenizer, StopOutput, Stops};

use super::event::Token;

/// Assembles the text of one answer. It emits whole characters, splits a message into parts, and
/// holds back text that may begin a stop string. Stop strings are searched in plain text, and in
/// the content of a message.
#[derive(Debug, Default)]
pub(super) struct Writer {
    detokenizer: Detokenizer,
    /// `None` for plain text.
    parser: Option<Parser>,
    stops: Stops,
    /// Tokens whose text was not emitted yet.
    held: Vec<Token>,
    count: usize,
}

/// Text to send, with the tokens behind it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Chunk {
    pub(super) parts: Vec<Part>,
    pub(super) count: usize,
    pub(super) tokens: Vec<Token>,
    /// Which stop string ended the answer.
    pub(super) stopped: Option<usize>,
}

/// How an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FinishKind {
    /// The answer is complete.
    Complete,
    /// It reached its maximum length, maybe inside a character or a call.
    Truncated,
}

impl Writer {
    pub(super) fn new(stops: Vec<String>, parser: Option<Parser>) -> Self {
        Self { stops: Stops::new(stops), parser, ..Self::default() }
    }

    /// Adds a token's bytes. `token` describes it if the caller wants log-probabilities.
    pub(super) fn push(&mut self, bytes: &[u8], token: Option<Token>) -> Chunk {
        self.held.extend(token);
        self.count += 1;
        let text = self.detokenizer.push(bytes);
        let parts = self.read(text);
        let passed = self.stop(parts);
        self.chunk(passed)
    }

    /// Adds a control token by its name. It interrupts incomplete characters and stop strings.
    pub(super) fn interrupt(&mut self, name: &str, token: Option<Token>) -> Chunk {
        self.held.extend(token);
        self.count += 1;
        let rest = std::mem::take(&mut self.detokenizer).finish();
        let mut parts = self.read(rest);
        parts.extend(self.parser.as_mut().map(|parser| parser.special(name)).unwrap_or_default());
        let (mut parts, stopped) = self.stop(parts);
        if stopped.is_none() {
            add(&mut parts, self.stops.restart());
        }
        self.chunk((parts, stopped))
    }

    /// Returns the rest of the text, with the tokens that have added none.
    pub(super) fn finish(mut self, kind: FinishKind) -> Chunk {
        let rest = std::mem::take(&mut self.detokenizer).finish();
        let mut parts = if kind == FinishKind::Complete { self.read(rest) } else { vec![] };
        parts.extend(self.parser.take().map_or(vec![], |parser| match kind {
            FinishKind::Complete => parser.finish().0,
            FinishKind::Truncated => parser.cut().0,
        }));
        let (mut parts, stopped) = self.stop(parts);
        if stopped.is_some() {
            return self.chunk((parts, stopped));
        }
        add(&mut parts, self.stops.finish());
        Chunk { parts, count: self.count, tokens: self.held, stopped }
    }

    fn read(&mut self, text: String) -> Vec<Part> {
        match &mut self.parser {
            _ if text.is_empty() => vec![],
            Some(parser) => parser.push(&text),
            None => vec![Part::Text(text)],
        }
    }

    /// Returns the parts before a stop string, and which stop string it was.
    fn stop(&mut self, parts: Vec<Part>) -> (Vec<Part>, Option<usize>) {
        let mut passed = Vec::with_capacity(parts.len());
        for part in parts {
            let Part::Text(text) = part else {
                // A stop string does not span anything that is not content.
                add(&mut passed, self.stops.restart());
                passed.push(part);
                continue;
            };
            let StopOutput { text, stopped } = self.stops.push(&text);
            add(&mut passed, text);
            if stopped.is_some() {
                return (passed, stopped);
            }
        }
        (passed, None)
    }

    /// Attaches tokens to the first part that follows them. The tokens of a stop string alone are
    /// dropped.
    fn chunk(&mut self, (parts, stopped): (Vec<Part>, Option<usize>)) -> Chunk {
        if parts.is_empty() {
            return Chunk { stopped, ..Chunk::default() };
        }
        let (count, tokens) = (std::mem::take(&mut self.count), std::mem::take(&mut self.held));
        Chunk { parts, count, tokens, stopped }
    }
}

fn add(parts: &mut Vec<Part>, text: String) {
    match parts.last_mut() {
        _ if text.is_empty() => {}
        Some(Part::Text(last)) => last.push_str(&text),
        _ => parts.push(Part::Text(text)),
    }
}
