use aho_corasick::{AhoCorasick, MatchKind};

use crate::vocabulary::{TokenKind, Vocabulary};
use crate::{LoadError, Specials};

/// Finds added tokens, which take precedence over words: the leftmost match, and the longest of
/// those that begin there.
#[derive(Debug)]
pub(crate) struct Added {
    /// Including control tokens.
    all: Finder,
    /// Without control tokens.
    plain: Finder,
}

#[derive(Debug)]
struct Finder {
    search: AhoCorasick,
    tokens: Vec<u32>,
}

/// A part of a text, never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextPart<'a> {
    Text(&'a str),
    Token(u32),
}

impl Added {
    pub(crate) fn of(vocabulary: &Vocabulary) -> Result<Self, LoadError> {
        let plain = vocabulary.found_first().filter(|(_, _, kind)| *kind == TokenKind::Added);
        Ok(Self { all: Finder::new(vocabulary.found_first())?, plain: Finder::new(plain)? })
    }

    /// Splits a text into its parts, in order.
    pub(crate) fn split<'a>(
        &'a self,
        text: &'a str,
        specials: Specials,
    ) -> impl Iterator<Item = TextPart<'a>> {
        let finder = match specials {
            Specials::Parse => &self.all,
            Specials::Plain => &self.plain,
        };
        let mut found = finder.search.find_iter(text);
        let (mut at, mut next) = (0, None);
        std::iter::from_fn(move || {
            if let Some(token) = next.take() {
                return Some(token);
            }
            let (end, resume) = match found.next() {
                Some(found) => {
                    next = Some(TextPart::Token(finder.tokens[found.pattern()]));
                    (found.start(), found.end())
                }
                None => (text.len(), text.len()),
            };
            let before = &text[at..end];
            at = resume;
            if before.is_empty() { next.take() } else { Some(TextPart::Text(before)) }
        })
    }
}

impl Finder {
    fn new<'a>(tokens: impl Iterator<Item = (u32, &'a str, TokenKind)>) -> Result<Self, LoadError> {
        let (tokens, texts): (Vec<u32>, Vec<&str>) = tokens.map(|(id, text, _)| (id, text)).unzip();
        let search = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(texts)
            .map_err(|error| LoadError::Search(error.to_string()))?;
        Ok(Self { search, tokens })
    }
}
