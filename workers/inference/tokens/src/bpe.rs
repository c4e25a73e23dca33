use std::collections::HashMap;
use std::ops::ControlFlow;

use crate::budget::TokenBudget;
use crate::merge::{Merge, Merger, NONE};
use crate::pre_tokenizer::PreTokenizer;
use crate::vocabulary::Vocabulary;
use crate::{EncodeError, LoadError, byte_alphabet};

/// How many bytes of a text one byte of its NFC form can come from: the two bytes of U+0390 come
/// from seven, if iota is written as U+1FBE.
const COMPOSED: usize = 4;

/// Byte-level BPE: words of bytes, merged by rank.
#[derive(Debug)]
pub(crate) struct Bpe {
    pre_tokenizer: PreTokenizer,
    merges: HashMap<(u32, u32), Merge>,
    /// The token of each byte, or [`NONE`]: many vocabularies were trained on texts without some
    /// bytes. Like the models' own tokenizers, we skip such a byte, which makes its neighbours
    /// adjacent.
    bytes: [u32; 256],
}

impl Bpe {
    pub(crate) fn new(
        vocabulary: &Vocabulary,
        merges: &[String],
        pre_tokenizer: PreTokenizer,
    ) -> Result<Self, LoadError> {
        let mut bytes = [NONE; 256];
        for byte in 0..=255u8 {
            let letter = byte_alphabet::letter(byte);
            bytes[byte as usize] = vocabulary.word(letter.encode_utf8(&mut [0; 4])).unwrap_or(NONE);
        }
        if bytes == [NONE; 256] {
            return Err(LoadError::NoBytes);
        }
        let mut ranked = HashMap::with_capacity(merges.len());
        for (index, merge) in merges.iter().enumerate() {
            let (pair, token) =
                parse(vocabulary, merge).ok_or_else(|| LoadError::Merge { index, merge: merge.clone() })?;
            ranked.entry(pair).or_insert(Merge { rank: index as u32, token });
        }
        Ok(Self { pre_tokenizer, merges: ranked, bytes })
    }

    pub(crate) fn encode(
        &self,
        vocabulary: &Vocabulary,
        merger: &mut Merger,
        text: &str,
        out: &mut TokenBudget,
    ) -> Result<(), EncodeError> {
        out.check(self.least_bytes(text))?;
        let text = self.pre_tokenizer.normalize(text);
        let mut spelled = String::new();
        let done = self.pre_tokenizer.split(&text, |word| {
            match self.word(vocabulary, merger, word, &mut spelled, out) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => ControlFlow::Break(error),
            }
        });
        done.break_value().map_or(Ok(()), Err)
    }

    fn word(
        &self,
        vocabulary: &Vocabulary,
        merger: &mut Merger,
        word: &[u8],
        spelled: &mut String,
        out: &mut TokenBudget,
    ) -> Result<(), EncodeError> {
        if self.pre_tokenizer.whole_words() {
            spelled.clear();
            spelled.extend(word.iter().map(|&byte| byte_alphabet::letter(byte)));
            if let Some(token) = vocabulary.word(spelled) {
                return out.push(token);
            }
        }
        merger.clear();
        let tokens = word.iter().map(|&byte| self.bytes[byte as usize]).filter(|&token| token != NONE);
        for (at, token) in tokens.enumerate() {
            merger.push(at as u32 + 1, token);
        }
        out.check(merger.len())?;
        let merged = merger.merge(|left, right| self.merges.get(&(left.token, right.token)).copied());
        out.extend(merged.map(|symbol| symbol.token))
    }

    /// A lower bound on how many bytes the tokens of a text represent.
    fn least_bytes(&self, text: &str) -> usize {
        let bytes_missing = self.bytes.contains(&NONE);
        match (self.pre_tokenizer.composes(), bytes_missing) {
            (false, false) => text.len(),
            (false, true) => text.bytes().filter(|&byte| self.bytes[byte as usize] != NONE).count(),
            (true, false) => text.len() / COMPOSED,
            // The composed form of a character may have no token.
            (true, true) => 0,
        }
    }
}

/// Parses a merge into its two tokens and the resulting token.
fn parse(vocabulary: &Vocabulary, merge: &str) -> Option<((u32, u32), u32)> {
    let (left, right) = merge.split_once(' ')?;
    let made = vocabulary.word(&[left, right].concat())?;
    Some(((vocabulary.word(left)?, vocabulary.word(right)?), made))
}

#[cfg(test)]
mod tests {
    use unicode_normalization::UnicodeNormalization;
    use unicode_normalization::char::decompose_canonical;

    use super::*;

    /// Concatenates characters that compose, each part of which may have a longer decomposition.
    #[test]
    fn composing_shortens_a_text_to_a_quarter_at_most() {
        let mut longest: HashMap<char, usize> = HashMap::new();
        let parts = |letter: char| {
            let mut parts = Vec::new();
            decompose_canonical(letter, |part| parts.push(part));
            parts
        };
        for letter in '\0'..=char::MAX {
            if let [part] = parts(letter)[..] {
                let most = longest.entry(part).or_default();
                *most = (*most).max(letter.len_utf8()).max(part.len_utf8());
            }
        }
        for letter in '\0'..=char::MAX {
            let before: usize = parts(letter).iter().map(|part| longest[part]).sum();
            let after: usize = String::from(letter).nfc().map(char::len_utf8).sum();
            assert!(before <= COMPOSED * after, "{letter:?}: {before} become {after}");
        }
    }
}
