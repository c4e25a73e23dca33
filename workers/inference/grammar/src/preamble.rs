use crate::Vocabulary;
use crate::mask::Mask;

/// Blanks that may come between a thinking marker and the constrained text.
const MOST_BLANKS: u8 = 4;

/// Free text up to a marker, before a grammar begins.
#[derive(Clone, Debug)]
pub(crate) struct Lead {
    marker: Marker,
    kind: Kind,
    /// Everything that may come, but for tokens that would run over the marker's end.
    free: Mask,
    /// Tokens that run over the marker's end from some state.
    crossing: Vec<u32>,
    blanks: Vec<u32>,
    seen: Seen,
}

#[derive(Clone, Debug)]
enum Marker {
    Token(u32),
    /// The bytes, and for each count of matched bytes how many still match after a mismatch (Knuth, Morris and Pratt 1977).
    Text {
        bytes: Vec<u8>,
        fallback: Vec<usize>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The text can't end before the marker, and blanks may follow it.
    Thinking,
    /// The text may end without the marker.
    Text,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// Bytes of the marker that the text ends with.
    Part(usize),
    /// All, and then so many tokens of blanks.
    Whole(u8),
}

/// What a token did to a lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The token belongs to the lead.
    Taken,
    /// The lead is over and the token belongs to what follows.
    Over,
    Refused,
}

impl Lead {
    pub(crate) fn new(marker: &str, kind: Kind, vocabulary: &Vocabulary) -> Self {
        let words = vocabulary.tokens.len().div_ceil(32);
        let mut lead = Self {
            marker: Marker::new(marker, vocabulary),
            kind,
            free: Mask::none(words),
            crossing: Vec::new(),
            blanks: Vec::new(),
            seen: Seen::Part(0),
        };
        for (token, bytes) in vocabulary.tokens.iter().enumerate() {
            let token = token as u32;
            if vocabulary.ends.contains(&token) {
                continue;
            }
            if !bytes.is_empty() {
                lead.free.allow(token);
            }
            if !bytes.is_empty() && bytes.iter().all(u8::is_ascii_whitespace) {
                lead.blanks.push(token);
            }
            if lead.marker.may_cross(bytes) {
                lead.crossing.push(token);
            }
        }
        if let Marker::Token(token) = lead.marker {
            lead.free.allow(token);
        }
        if kind == Kind::Text {
            vocabulary.ends.iter().for_each(|&end| lead.free.allow(end));
        }
        lead
    }

    pub(crate) fn may_end(&self) -> bool {
        self.kind == Kind::Text && matches!(self.seen, Seen::Part(_))
    }

    /// Whether what follows the lead may begin now.
    pub(crate) fn is_whole(&self) -> bool {
        matches!(self.seen, Seen::Whole(_))
    }

    /// Tokens that the lead allows; once the marker is whole they add to those of what follows.
    pub(crate) fn mask(&self, tokens: &[Vec<u8>], mask: &mut Mask) {
        match self.seen {
            Seen::Part(part) => {
                mask.copy(&self.free);
                for &token in &self.crossing {
                    if self.after(part, &tokens[token as usize]).is_none() {
                        mask.refuse(token);
                    }
                }
            }
            Seen::Whole(blanks) => {
                if self.kind == Kind::Thinking && blanks < MOST_BLANKS {
                    self.blanks.iter().for_each(|&token| mask.allow(token));
                }
            }
        }
    }

    pub(crate) fn accept(&mut self, token: u32, bytes: &[u8]) -> Step {
        match self.seen {
            Seen::Part(_) if self.marker.is(token) => {
                self.seen = Seen::Whole(0);
                Step::Taken
            }
            Seen::Part(part) => match self.after(part, bytes).filter(|_| self.free.allows(token)) {
                Some(seen) => {
                    self.seen = seen;
                    Step::Taken
                }
                None => Step::Refused,
            },
            Seen::Whole(blanks) if self.kind == Kind::Thinking && blanks < MOST_BLANKS && is_blank(bytes) => {
                self.seen = Seen::Whole(blanks + 1);
                Step::Taken
            }
            Seen::Whole(_) => Step::Over,
        }
    }

    /// Where bytes lead to; `None` where they run over the marker's end with more than blanks.
    fn after(&self, part: usize, bytes: &[u8]) -> Option<Seen> {
        let Marker::Text { bytes: marker, fallback } = &self.marker else { return Some(Seen::Part(0)) };
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
                    (true, _) => Some(Seen::Whole(0)),
                    (false, Kind::Thinking) if is_blank(rest) => Some(Seen::Whole(1)),
                    (false, _) => None,
                };
            }
        }
        Some(Seen::Part(part))
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
