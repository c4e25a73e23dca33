use aho_corasick::{AhoCorasick, MatchKind};

use crate::vocabulary::{Kind, Vocabulary};
use crate::{LoadError, Specials};

/// Finds the tokens that come before words do: of those that begin first, the longest.
#[derive(Debug)]
pub(crate) struct Added {
    /// With control tokens.
    all: Finder,
    /// Without.
    plain: Finder,
}

#[derive(Debug)]
struct Finder {
    search: AhoCorasick,
    tokens: Vec<u32>,
}

/// A part of a text: never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    Text(&'a str),
    Token(u32),
}

impl Added {
    pub(crate) fn of(vocabulary: &Vocabulary) -> Result<Self, LoadError> {
        let plain = vocabulary.found_first().filter(|(_, _, kind)| *kind == Kind::Added);
        Ok(Self { all: Finder::new(vocabulary.found_first())?, plain: Finder::new(plain)? })
    }

    pub(crate) fn split<'a>(&self, text: &'a str, specials: Specials) -> Vec<Part<'a>> {
        let finder = match specials {
            Specials::Parse => &self.all,
            Specials::Plain => &self.plain,
        };
        let mut parts = Vec::new();
        let mut at = 0;
        for found in finder.search.find_iter(text) {
            if found.start() > at {
                parts.push(Part::Text(&text[at..found.start()]));
            }
            parts.push(Part::Token(finder.tokens[found.pattern()]));
            at = found.end();
        }
        if at < text.len() {
            parts.push(Part::Text(&text[at..]));
        }
        parts
    }
}

impl Finder {
    fn new<'a>(tokens: impl Iterator<Item = (u32, &'a str, Kind)>) -> Result<Self, LoadError> {
        let (tokens, texts): (Vec<u32>, Vec<&str>) = tokens.map(|(id, text, _)| (id, text)).unzip();
        let search = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(texts)
            .map_err(|error| LoadError::Search(error.to_string()))?;
        Ok(Self { search, tokens })
    }
}
