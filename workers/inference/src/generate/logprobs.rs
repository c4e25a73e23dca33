//! Log-probabilities in the shape of OpenAI's routes.

use std::collections::BTreeMap;
use std::fmt::Write;

use cortex_api::chat::{LogProbs, TokenLogProb, TopLogProb};
use cortex_api::completions::CompletionLogProbs;

use crate::language::Token;

pub(super) fn of_chat(tokens: &[Token]) -> LogProbs {
    let view = |token: &Token| TokenLogProb {
        token: spelled(&token.bytes, token.control.as_deref()),
        logprob: token.logprob,
        bytes: token.bytes.clone(),
        top_logprobs: token
            .top
            .iter()
            .map(|top| TopLogProb {
                token: spelled(&top.bytes, top.control.as_deref()),
                logprob: top.logprob,
                bytes: top.bytes.clone(),
            })
            .collect(),
    };
    LogProbs { content: tokens.iter().map(view).collect() }
}

/// Returns the log-probabilities of tokens that follow the text in `offsets`.
pub(super) fn of_completion(tokens: &[Token], offsets: &mut Offsets) -> CompletionLogProbs {
    let mut logprobs = CompletionLogProbs::default();
    for token in tokens {
        logprobs.text_offset.push(offsets.pass(token));
        logprobs.tokens.push(spelled(&token.bytes, token.control.as_deref()));
        logprobs.token_logprobs.push(token.logprob);
        let mut top = BTreeMap::new();
        // Two tokens may have the same spelling. The more likely one comes first.
        for other in &token.top {
            top.entry(spelled(&other.bytes, other.control.as_deref())).or_insert(other.logprob);
        }
        logprobs.top_logprobs.push(top);
    }
    logprobs
}

/// Returns a token as text. A token that is not whole characters is spelled by its bytes, as OpenAI
/// does, so that such tokens differ. A control token is spelled by its name.
fn spelled(bytes: &[u8], control: Option<&str>) -> String {
    if let Some(name) = control {
        return name.to_owned();
    }
    std::str::from_utf8(bytes).map(str::to_owned).unwrap_or_else(|_| {
        bytes.iter().fold("bytes:".to_owned(), |mut text, byte| {
            // Writing to a string never fails.
            let _ = write!(text, "\\x{byte:02x}");
            text
        })
    })
}

/// Tracks at which character of the text each token begins.
#[derive(Debug, Clone, Default)]
pub(super) struct Offsets {
    characters: usize,
    /// The bytes of a character that is still incomplete.
    begun: Vec<u8>,
}

impl Offsets {
    /// Returns where the next token begins. A token inside a character begins where the character
    /// does.
    fn pass(&mut self, token: &Token) -> usize {
        if token.control.is_some() {
            // A control token ends an incomplete character.
            self.characters += usize::from(!std::mem::take(&mut self.begun).is_empty());
            return self.characters;
        }
        let mut held = std::mem::take(&mut self.begun);
        let start = held.len();
        held.extend_from_slice(&token.bytes);
        let (mut end, mut offset) = (0, None);
        let mut pass = |bytes: usize, at: usize| {
            end += bytes;
            if start < end {
                offset.get_or_insert(at);
            }
            end
        };
        for chunk in held.utf8_chunks() {
            for character in chunk.valid().chars() {
                pass(character.len_utf8(), self.characters);
                self.characters += 1;
            }
            let broken = chunk.invalid();
            if broken.is_empty() {
                continue;
            }
            let is_last = pass(broken.len(), self.characters) == held.len();
            let may_go_on = std::str::from_utf8(broken).is_err_and(|error| error.error_len().is_none());
            if is_last && may_go_on {
                self.begun = broken.to_vec();
            } else {
                self.characters += 1;
            }
        }
        offset.unwrap_or(self.characters)
    }
}

#[cfg(test)]
mod tests {
    use cortex_tokens::Detokenizer;
    use proptest::prelude::*;

    use super::*;
    use crate::language::Alternative;

    fn token(bytes: &[u8]) -> Token {
        Token { id: 0, bytes: bytes.to_vec(), control: None, logprob: -0.5, top: vec![] }
    }

    fn offsets(tokens: &[&[u8]]) -> Vec<usize> {
        let mut offsets = Offsets::default();
        tokens.iter().map(|bytes| offsets.pass(&token(bytes))).collect()
    }

    #[test]
    fn a_token_within_a_character_begins_where_the_character_does() {
        assert_eq!(offsets(&[b"a", &[0xf0, 0x9f], &[0xa6], &[0x99], b"b"]), [0, 1, 1, 1, 2]);
        // The end of one character and the beginning of the next.
        assert_eq!(offsets(&[&[0xc3], &[0xa9, 0xc3], &[0xa9], b"b"]), [0, 0, 1, 2]);
        // An incomplete character counts as one character, U+FFFD.
        assert_eq!(offsets(&[&[0xf0, 0x9f], b"a", b"b"]), [0, 1, 2]);
        assert_eq!(offsets(&[&[0xf0, 0x9f], &[0xf0, 0x9f], &[0xa6, 0x99], b"b"]), [0, 1, 1, 2]);
        assert_eq!(offsets(&[&[0xff], &[0xff], b"", b"b"]), [0, 1, 2, 2]);
    }

    #[test]
    fn no_character_reaches_over_a_control_token() {
        let mut offsets = Offsets::default();
        let control = Token { control: Some("<s>".into()), ..token(b"") };
        let all = [token(&[0xf0, 0x9f]), control, token(b"a")];
        assert_eq!(all.each_ref().map(|token| offsets.pass(token)), [0, 1, 1]);
    }

    #[test]
    fn the_same_spelling_appears_once_with_its_highest_probability() {
        let other = |bytes: &[u8], control: Option<&str>, logprob| Alternative {
            id: 0,
            bytes: bytes.to_vec(),
            control: control.map(str::to_owned),
            logprob,
        };
        let top = vec![
            other(b"A", None, -0.1),
            other(&[0xf0], None, -1.0),
            other(&[0xe2], None, -2.0),
            other(b"A", None, -3.0),
            other(b"", Some("</s>"), -4.0),
            other(b"", Some("<s>"), -5.0),
        ];
        let logprobs = of_completion(&[Token { top, ..token(&[0xe2, 0x82]) }], &mut Offsets::default());
        assert_eq!(logprobs.tokens, ["bytes:\\xe2\\x82"]);
        let top = [("</s>", -4.0), ("<s>", -5.0), ("A", -0.1), ("bytes:\\xe2", -2.0), ("bytes:\\xf0", -1.0)];
        let expected: BTreeMap<_, _> =
            top.into_iter().map(|(text, logprob)| (text.to_owned(), logprob)).collect();
        assert_eq!(logprobs.top_logprobs, [expected]);
    }

    proptest! {
        #[test]
        fn offsets_are_those_of_the_text(
            tokens in proptest::collection::vec(
                proptest::collection::vec(prop_oneof![Just(b'a'), 0x80u8..0xc0, 0xc2u8..0xf5], 0..4), 0..12),
        ) {
            let tokens: Vec<&[u8]> = tokens.iter().map(Vec::as_slice).collect();
            let found = offsets(&tokens);
            for (n, offset) in found.iter().enumerate() {
                let mut before = Detokenizer::new();
                let whole: usize = tokens[..n].iter().map(|bytes| before.push(bytes).chars().count()).sum();
                let begun = !before.clone().finish().is_empty();
                // It begins with the character after the complete ones, or after one that it shows
                // to be broken.
                prop_assert!(*offset == whole || (begun && *offset == whole + 1), "{tokens:?} {found:?}");
            }
            prop_assert!(found.is_sorted());
        }
    }
}
