mod family;

use std::borrow::Cow;
use std::ops::{ControlFlow, Range};

use regex::bytes::Regex;
use unicode_normalization::{UnicodeNormalization, is_nfc};

use crate::LoadError;
use family::{Family, Leftover};

/// Splits a text into the words within which BPE merges, as named by `tokenizer.ggml.pre`.
///
/// The patterns are those of the models' own tokenizers without their look-ahead `\s+(?!\S)`, which
/// a [`Stage`] implements by hand so that matching takes linear time.
#[derive(Debug)]
pub(crate) struct PreTokenizer {
    stages: Vec<Stage>,
    family: &'static Family,
}

/// Splits off every match and every gap between matches as a part.
#[derive(Debug)]
struct Stage {
    regex: Regex,
    leftover: Leftover,
}

impl PreTokenizer {
    pub(crate) fn named(name: &str) -> Result<Self, LoadError> {
        let family = family::named(name).ok_or_else(|| LoadError::PreTokenizer {
            name: name.to_owned(),
            known: family::names().join(", "),
        })?;
        let stages = family.stages.iter().map(|(pattern, leftover)| Stage::new(pattern, *leftover));
        Ok(Self { stages: stages.collect(), family })
    }

    /// Whether text is first converted to NFC.
    pub(crate) fn composes(&self) -> bool {
        self.family.composes
    }

    /// Whether a word that is itself a token skips the merges.
    pub(crate) fn whole_words(&self) -> bool {
        self.family.whole_words
    }

    /// Whether texts begin with bos if the file doesn't say.
    pub(crate) fn adds_bos(&self) -> bool {
        self.family.adds_bos
    }

    pub(crate) fn normalize<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if !self.composes() || is_nfc(text) { Cow::Borrowed(text) } else { Cow::Owned(text.nfc().collect()) }
    }

    /// Passes every word in order to `each` until it breaks; together the words make up the text.
    pub(crate) fn split<B>(
        &self,
        text: &str,
        mut each: impl FnMut(&[u8]) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        split(&self.stages, text.as_bytes(), &mut each)
    }
}

fn split<B>(stages: &[Stage], text: &[u8], each: &mut dyn FnMut(&[u8]) -> ControlFlow<B>) -> ControlFlow<B> {
    match stages {
        [] if text.is_empty() => ControlFlow::Continue(()),
        [] => each(text),
        [stage, rest @ ..] => stage.split(text, |part| split(rest, part, each)),
    }
}

impl Stage {
    fn new(pattern: &str, leftover: Leftover) -> Self {
        let regex = Regex::new(pattern).expect("the patterns are constants, and a test compiles them all");
        Self { regex, leftover }
    }

    fn split<B>(&self, text: &[u8], mut each: impl FnMut(&[u8]) -> ControlFlow<B>) -> ControlFlow<B> {
        let mut at = 0;
        while let Some(found) = self.regex.find_at(text, at) {
            let end = found.end() - self.leftover(text, found.range());
            each(&text[at..found.start()])?;
            each(&text[found.start()..end])?;
            at = end;
        }
        each(&text[at..])
    }

    /// How many bytes of a match are left for the next one, as trying `\s+(?!\S)` before `\s+`
    /// would leave.
    fn leftover(&self, text: &[u8], found: Range<usize>) -> usize {
        if self.leftover == Leftover::Nothing || found.end == text.len() {
            return 0;
        }
        // Invalid UTF-8 contains no whitespace.
        let Ok(blank) = str::from_utf8(&text[found]) else { return 0 };
        let Some((at, last)) = blank.char_indices().next_back() else { return 0 };
        let leftover = self.leftover == Leftover::Last || !matches!(last, '\r' | '\n');
        let applies = leftover && at > 0 && blank.chars().all(char::is_whitespace);
        if applies { last.len_utf8() } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts<'a>(name: &str, text: &'a str) -> Vec<&'a [u8]> {
        let mut ends = vec![0];
        let done: ControlFlow<()> = PreTokenizer::named(name).unwrap().split(text, |word| {
            ends.push(ends[ends.len() - 1] + word.len());
            ControlFlow::Continue(())
        });
        assert!(done.is_continue());
        ends.windows(2).map(|pair| &text.as_bytes()[pair[0]..pair[1]]).collect()
    }

    fn words<'a>(name: &str, text: &'a str) -> Vec<&'a str> {
        parts(name, text).into_iter().map(|part| str::from_utf8(part).unwrap()).collect()
    }

    #[test]
    fn every_name_has_patterns_that_compile_and_lose_nothing() {
        let text = "It's  2026\n\n  now,\tfoo  \u{a0}É1234 \r\n x\u{301}?!  漢字 한글 ";
        let names = family::names();
        for name in &names {
            assert_eq!(parts(name, text).concat(), text.as_bytes(), "{name}");
            assert!(parts(name, "").is_empty());
        }
        assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "a name means one family: {names:?}");
    }

    #[test]
    fn an_unknown_name_is_rejected_with_a_list_of_known_ones() {
        let refused = PreTokenizer::named("klingon").unwrap_err().to_string();
        assert!(
            refused.starts_with("unsupported pre-tokenizer `klingon` (supported: a.x-4.0, "),
            "{refused}"
        );
        assert!(refused.ends_with(", tekken, trillion, viking)"), "{refused}");
    }

    #[test]
    fn the_last_space_belongs_to_the_next_word() {
        assert_eq!(words("gpt-2", "a   b"), ["a", "  ", " b"]);
        assert_eq!(words("gpt-2", "a \n\nb  "), ["a", " \n", "\n", "b", "  "]);
        assert_eq!(words("llama3", "a \n\nb  "), ["a", " \n\n", "b", "  "]);
        assert_eq!(words("llama3", "a\n  5"), ["a", "\n", " ", " ", "5"]);
        assert_eq!(words("llama3", "a \n\t\tb"), ["a", " \n", "\t", "\tb"]);
    }

    #[test]
    fn digits_follow_the_models_rule() {
        assert_eq!(words("llama3", " 12345"), [" ", "123", "45"]);
        assert_eq!(words("qwen2", " 123"), [" ", "1", "2", "3"]);
        assert_eq!(words("gpt-2", " 123"), [" 123"]);
        assert_eq!(words("smollm", "a  12"), ["a", "  ", "1", "2"]);
        assert_eq!(words("falcon", "a 12345"), ["a", " ", "123", "45"]);
        assert_eq!(words("tekken", "helloWorld X/"), ["hello", "World", " X", "/"]);
    }
}
