use std::borrow::Cow;
use std::ops::Range;

use regex::Regex;
use unicode_normalization::{UnicodeNormalization, is_nfc};

use crate::LoadError;

/// Cuts a text into the words that BPE merges within, as `tokenizer.ggml.pre` names it.
///
/// The patterns are those of the models' own tokenizers without their look-ahead `\s+(?!\S)`, which a [`Stage`]
/// does by hand, so that matching takes linear time.
#[derive(Debug)]
pub(crate) struct PreTokenizer {
    stages: Vec<Stage>,
    /// Whether text is brought to Unicode's normal form C first.
    composes: bool,
    /// Whether a word that is a token is that token, whatever the merges say.
    pub(crate) whole_words: bool,
    /// Whether a text begins with bos when the file doesn't say.
    pub(crate) adds_bos: bool,
}

/// Each match is a part of its own, and so is what lies between matches.
#[derive(Debug)]
struct Stage {
    regex: Regex,
    leaves: Leaves,
}

/// What a match of nothing but whitespace leaves to the word that follows it, when it is longer than that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaves {
    Nothing,
    /// The last character, whichever it is.
    Last,
    /// The last character if it isn't the end of a line.
    LastInLine,
}

const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+";
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+";
const QWEN2: &str =
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+";
const TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+";

impl PreTokenizer {
    pub(crate) fn named(name: &str) -> Result<Self, LoadError> {
        let stage = |pattern, leaves| Stage { regex: compile(pattern), leaves };
        let plain = |stages| Self { stages, composes: false, whole_words: false, adds_bos: false };
        let gpt2 = || stage(GPT2, Leaves::Last);
        let parts = |pattern| stage(pattern, Leaves::Nothing);
        let lines = |pattern| plain(vec![stage(pattern, Leaves::LastInLine)]);
        let tiktoken = |pattern| Self { whole_words: true, adds_bos: true, ..lines(pattern) };
        Ok(match name {
            "gpt-2" => plain(vec![gpt2()]),
            "default" => plain(vec![
                parts(r"[\p{P}\$\+<=>\^~\|]+"),
                gpt2(),
                parts(r"\p{N}+"),
                parts(r"[0-9][0-9][0-9]"),
            ]),
            "smollm" => plain(vec![parts(r"\p{N}"), gpt2()]),
            "llama-bpe" | "llama3" | "llama-v3" => tiktoken(LLAMA3),
            "tekken" => tiktoken(TEKKEN),
            "qwen2" | "deepseek-r1-qwen" => Self { composes: true, ..lines(QWEN2) },
            other => return Err(LoadError::PreTokenizer(other.to_owned())),
        })
    }

    pub(crate) fn normalize<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if !self.composes || is_nfc(text) { Cow::Borrowed(text) } else { Cow::Owned(text.nfc().collect()) }
    }

    /// Gives every word, in order; together they are the text.
    pub(crate) fn split<'a>(&self, text: &'a str, mut each: impl FnMut(&'a str)) {
        split(&self.stages, text, &mut each);
    }
}

fn split<'a>(stages: &[Stage], text: &'a str, each: &mut dyn FnMut(&'a str)) {
    match stages {
        [] if text.is_empty() => {}
        [] => each(text),
        [stage, rest @ ..] => stage.split(text, |part| split(rest, part, each)),
    }
}

impl Stage {
    fn split<'a>(&self, text: &'a str, mut each: impl FnMut(&'a str)) {
        let mut at = 0;
        while let Some(found) = self.regex.find_at(text, at) {
            let end = found.end() - self.left_over(text, found.range());
            each(&text[at..found.start()]);
            each(&text[found.start()..end]);
            at = end;
        }
        each(&text[at..]);
    }

    /// How many bytes of a match are left to the next one, as trying `\s+(?!\S)` before `\s+` would.
    fn left_over(&self, text: &str, found: Range<usize>) -> usize {
        let blank = &text[found.clone()];
        let Some((at, last)) = blank.char_indices().next_back() else { return 0 };
        let leaves = match self.leaves {
            Leaves::Nothing => false,
            Leaves::Last => true,
            Leaves::LastInLine => !matches!(last, '\r' | '\n'),
        };
        let applies = leaves && at > 0 && found.end < text.len() && blank.chars().all(char::is_whitespace);
        if applies { last.len_utf8() } else { 0 }
    }
}

fn compile(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the patterns are constants, and a test compiles them all")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words<'a>(name: &str, text: &'a str) -> Vec<&'a str> {
        let mut words = Vec::new();
        PreTokenizer::named(name).unwrap().split(text, |word| words.push(word));
        words
    }

    #[test]
    fn every_name_has_patterns_that_compile_and_lose_nothing() {
        let text = "It's  2026\n\n  now,\tfoo  \u{a0}É1234 \r\n x\u{301}?!  ";
        for name in ["gpt-2", "default", "smollm", "llama-bpe", "llama3", "llama-v3", "tekken", "qwen2"] {
            assert_eq!(words(name, text).concat(), text, "{name}");
            assert!(words(name, "").is_empty());
        }
        assert!(
            matches!(PreTokenizer::named("klingon"), Err(LoadError::PreTokenizer(name)) if name == "klingon")
        );
    }

    #[test]
    fn the_last_space_goes_with_the_word() {
        assert_eq!(words("gpt-2", "a   b"), ["a", "  ", " b"]);
        assert_eq!(words("gpt-2", "a \n\nb  "), ["a", " \n", "\n", "b", "  "]);
        assert_eq!(words("llama3", "a \n\nb  "), ["a", " \n\n", "b", "  "]);
        assert_eq!(words("llama3", "a\n  5"), ["a", "\n", " ", " ", "5"]);
        assert_eq!(words("llama3", "a \n\t\tb"), ["a", " \n", "\t", "\tb"]);
    }

    #[test]
    fn digits_go_by_the_models_rule() {
        assert_eq!(words("llama3", " 12345"), [" ", "123", "45"]);
        assert_eq!(words("qwen2", " 123"), [" ", "1", "2", "3"]);
        assert_eq!(words("gpt-2", " 123"), [" 123"]);
        assert_eq!(words("smollm", "a  12"), ["a", "  ", "1", "2"]);
        assert_eq!(words("tekken", "helloWorld X/"), ["hello", "World", " X", "/"]);
    }
}
