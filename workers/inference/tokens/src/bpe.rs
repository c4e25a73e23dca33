use std::collections::HashMap;

use crate::merge::{Merge, Merger, NONE};
use crate::pre_tokenizer::PreTokenizer;
use crate::vocabulary::Vocabulary;
use crate::{LoadError, byte_alphabet};

/// Byte-level BPE: words of bytes, merged by rank.
#[derive(Debug)]
pub(crate) struct Bpe {
    pre_tokenizer: PreTokenizer,
    merges: HashMap<(u32, u32), Merge>,
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
            let token = vocabulary.word(letter.encode_utf8(&mut [0; 4]));
            bytes[byte as usize] = token.ok_or(LoadError::Byte(byte))?;
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
        out: &mut Vec<u32>,
    ) {
        let text = self.pre_tokenizer.normalize(text);
        let mut spelled = String::new();
        self.pre_tokenizer.split(&text, |word| {
            if self.pre_tokenizer.whole_words {
                spelled.clear();
                spelled.extend(word.bytes().map(byte_alphabet::letter));
                if let Some(token) = vocabulary.word(&spelled) {
                    return out.push(token);
                }
            }
            merger.clear();
            for (at, byte) in word.bytes().enumerate() {
                merger.push(at as u32 + 1, self.bytes[byte as usize]);
            }
            let merged = merger.merge(|left, right| self.merges.get(&(left.token, right.token)).copied());
            out.extend(merged.map(|symbol| symbol.token));
        });
    }
}

/// The two tokens of a merge and what they make.
fn parse(vocabulary: &Vocabulary, merge: &str) -> Option<((u32, u32), u32)> {
    let (left, right) = merge.split_once(' ')?;
    let made = vocabulary.word(&[left, right].concat())?;
    Some(((vocabulary.word(left)?, vocabulary.word(right)?), made))
}
