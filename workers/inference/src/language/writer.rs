//! From tokens to what is said.

use cortex_chat::{Parser, Part};
use cortex_tokens::{Detokenizer, Passed, Stops};

use super::event::Token;

/// Writes one answer: whole characters, taken apart where they are a message, and nothing that could be the beginning of
/// a stop string. Stop strings are looked for in a text, and of a message in its content.
#[derive(Debug, Default)]
pub(super) struct Writer {
    detokenizer: Detokenizer,
    /// `None` for a text.
    parser: Option<Parser>,
    stops: Stops,
    /// Tokens of which nothing has been said yet.
    held: Vec<Token>,
    count: usize,
}

/// What can be sent, with the tokens behind it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Chunk {
    pub(super) parts: Vec<Part>,
    pub(super) count: usize,
    pub(super) tokens: Vec<Token>,
    /// Which stop string ended the answer.
    pub(super) stopped: Option<usize>,
}

/// FinishKind nothing more comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FinishKind {
    /// The answer is whole.
    Complete,
    /// It was as long as it may be, maybe within a character or a call.
    Truncated,
}

impl Writer {
    pub(super) fn new(stops: Vec<String>, parser: Option<Parser>) -> Self {
        Self { stops: Stops::new(stops), parser, ..Self::default() }
    }

    /// Adds what a token adds; `token` tells of it if somebody wants to know.
    pub(super) fn push(&mut self, bytes: &[u8], token: Option<Token>) -> Chunk {
        self.held.extend(token);
        self.count += 1;
        let text = self.detokenizer.push(bytes);
        let parts = self.read(text);
        let passed = self.stop(parts);
        self.chunk(passed)
    }

    /// Reads a control token, by its name. No character and no stop string reaches over it.
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

    /// What is left when nothing more comes; tokens that said nothing come too.
    pub(super) fn finish(mut self, why: FinishKind) -> Chunk {
        let rest = std::mem::take(&mut self.detokenizer).finish();
        let mut parts = if why == FinishKind::Complete { self.read(rest) } else { vec![] };
        parts.extend(self.parser.take().map_or(vec![], |parser| match why {
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

    /// Passes on what comes before a stop string; which one it was.
    fn stop(&mut self, parts: Vec<Part>) -> (Vec<Part>, Option<usize>) {
        let mut passed = Vec::with_capacity(parts.len());
        for part in parts {
            let Part::Text(text) = part else {
                // Nor does a stop string reach over what is no content.
                add(&mut passed, self.stops.restart());
                passed.push(part);
                continue;
            };
            let Passed { text, stopped } = self.stops.push(&text);
            add(&mut passed, text);
            if stopped.is_some() {
                return (passed, stopped);
            }
        }
        (passed, None)
    }

    /// Tokens go with the first part that follows them; those of a stop string alone are never told of.
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
