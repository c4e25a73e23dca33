use crate::Vocabulary;
use crate::mask::Mask;

/// How many tokens of whitespace may come between a thinking marker and the constrained text.
const MAX_BLANKS: u8 = 4;

/// Free text up to a marker, before a grammar begins.
#[derive(Clone, Debug)]
pub(crate) struct Preamble {
    marker: Marker,
    kind: PreambleKind,
    /// All allowed tokens, except those that could extend past the marker's end.
    free: Mask,
    /// Tokens that extend past the marker's end from some state.
    crossing: Vec<u32>,
    blanks: Vec<u32>,
    seen: MarkerProgress,
}

#[derive(Clone, Debug)]
enum Marker {
    Token(u32),
    /// The bytes, and for each number of matched bytes how many still match after a mismatch
    /// (Knuth, Morris and Pratt 1977).
    Text {
        bytes: Vec<u8>,
        fallback: Vec<usize>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PreambleKind {
    /// The text can't end before the marker, and whitespace may follow it.
    Thinking,
    /// The text may end without the marker.
    Text,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MarkerProgress {
    /// How many bytes of the marker the text ends with.
    Part(usize),
    /// The complete marker, and then this many tokens of whitespace.
    Whole(u8),
}

/// The effect of a token on a preamble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenEffect {
    /// The token belongs to the preamble.
    Taken,
    /// The preamble is over, and the token belongs to what follows.
    Over,
    Refused,
}

impl Preamble {
    pub(crate) fn new(marker: &str, kind: PreambleKind, vocabulary: &Vocabulary) -> Self {
        let words = vocabulary.tokens.len().div_ceil(32);
        let mut preamble = Self {
            marker: Marker::new(marker, vocabulary),
            kind,
            free: Mask::none(words),
            crossing: Vec::new(),
            blanks: Vec::new(),
            seen: MarkerProgress::Part(0),
        };
        for (token, bytes) in vocabulary.tokens.iter().enumerate() {
            let token = token as u32;
            if vocabulary.ends.contains(&token) {
                continue;
            }
            if !bytes.is_empty() {
                preamble.free.allow(token);
            }
            if !bytes.is_empty() && bytes.iter().all(u8::is_ascii_whitespace) {
                preamble.blanks.push(token);
            }
            if preamble.marker.may_cross(bytes) {
                preamble.crossing.push(token);
            }
        }
        if let Marker::Token(token) = preamble.marker {
            preamble.free.allow(token);
        }
        if kind == PreambleKind::Text {
            vocabulary.ends.iter().for_each(|&end| preamble.free.allow(end));
        }
        preamble
    }

    pub(crate) fn may_end(&self) -> bool {
        self.kind == PreambleKind::Text && matches!(self.seen, MarkerProgress::Part(_))
    }

    /// Whether the text after the preamble may begin now.
    pub(crate) fn is_whole(&self) -> bool {
        matches!(self.seen, MarkerProgress::Whole(_))
    }

    /// The tokens that the preamble allows. Once the marker is complete, they come in addition to
    /// those of the text that follows.
    pub(crate) fn mask(&self, tokens: &[Vec<u8>], mask: &mut Mask) {
        match self.seen {
            MarkerProgress::Part(part) => {
                mask.copy(&self.free);
                for &token in &self.crossing {
                    if self.after(part, &tokens[token as usize]).is_none() {
                        mask.disallow(token);
                    }
                }
            }
            MarkerProgress::Whole(blanks) => {
                if self.kind == PreambleKind::Thinking && blanks < MAX_BLANKS {
                    self.blanks.iter().for_each(|&token| mask.allow(token));
                }
            }
        }
    }

    pub(crate) fn accept(&mut self, token: u32, bytes: &[u8]) -> TokenEffect {
        match self.seen {
            MarkerProgress::Part(_) if self.marker.is(token) => {
                self.seen = MarkerProgress::Whole(0);
                TokenEffect::Taken
            }
            MarkerProgress::Part(part) => match self.after(part, bytes).filter(|_| self.free.allows(token)) {
                Some(seen) => {
                    self.seen = seen;
                    TokenEffect::Taken
                }
                None => TokenEffect::Refused,
            },
            MarkerProgress::Whole(blanks)
                if self.kind == PreambleKind::Thinking && blanks < MAX_BLANKS && is_blank(bytes) =>
            {
                self.seen = MarkerProgress::Whole(blanks + 1);
                TokenEffect::Taken
            }
            MarkerProgress::Whole(_) => TokenEffect::Over,
        }
    }

    /// The state after the bytes; `None` if they extend past the marker's end with more than
    /// whitespace.
    fn after(&self, part: usize, bytes: &[u8]) -> Option<MarkerProgress> {
        let Marker::Text { bytes: marker, fallback } = &self.marker else {
            return Some(MarkerProgress::Part(0));
        };
        let mut part = part;
        for (index, byte) in bytes.iter().enumerate() {
            while part > 0 && marker[part] != *byte {
                part = fallback[part];
            }
            if marker[part] == *byte {
                part += 1;
            }
            if part == marker.len() {
                let rest = &bytes[index + 1..];
                return match (rest.is_empty(), self.kind) {
                    (true, _) => Some(MarkerProgress::Whole(0)),
                    (false, PreambleKind::Thinking) if is_blank(rest) => Some(MarkerProgress::Whole(1)),
                    (false, _) => None,
                };
            }
        }
        Some(MarkerProgress::Part(part))
    }
}

impl Marker {
    fn new(marker: &str, vocabulary: &Vocabulary) -> Self {
        if let Some(token) = vocabulary.named(marker) {
            return Self::Token(token);
        }
        let bytes = marker.as_bytes().to_vec();
        let mut fallback = vec![0; bytes.len() + 1];
        let mut matched = 0;
        for at in 1..bytes.len() {
            while matched > 0 && bytes[at] != bytes[matched] {
                matched = fallback[matched];
            }
            if bytes[at] == bytes[matched] {
                matched += 1;
            }
            fallback[at + 1] = matched;
        }
        Self::Text { bytes, fallback }
    }

    fn is(&self, token: u32) -> bool {
        matches!(self, Self::Token(marker) if *marker == token)
    }

    /// Whether the marker can end within these bytes with some of them left.
    fn may_cross(&self, bytes: &[u8]) -> bool {
        let Self::Text { bytes: marker, .. } = self else { return false };
        let Some(last) = marker.last() else { return false };
        bytes.iter().enumerate().any(|(at, byte)| {
            byte == last && at + 1 < bytes.len() && {
                let shared = marker.len().min(at + 1);
                marker[marker.len() - shared..] == bytes[at + 1 - shared..=at]
            }
        })
    }
}

fn is_blank(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(u8::is_ascii_whitespace)
}
