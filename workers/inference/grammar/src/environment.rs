//! Adapts the vocabulary to the parser's interface.

use llguidance::toktrie::{TokRxInfo, TokTrie, TokenId, TokenizerEnv};

use crate::{Encode, Vocabulary};

/// The trie holds at most 1,024 nodes in a row.
const MAX_TOKEN_BYTES: usize = 512;

pub(crate) struct Environment {
    trie: TokTrie,
    encode: Option<Encode>,
}

impl Environment {
    /// The vocabulary must have passed its checks.
    pub(crate) fn new(vocabulary: &Vocabulary) -> Self {
        let mut words = vocabulary.tokens.clone();
        for (token, word) in words.iter_mut().enumerate() {
            let token = token as u32;
            let control =
                vocabulary.ends.contains(&token) || vocabulary.control.iter().any(|(id, _)| *id == token);
            if control || word.len() > MAX_TOKEN_BYTES {
                word.clear();
            }
        }
        let trie = TokTrie::from(&TokRxInfo::new(words.len() as u32, vocabulary.ends[0]), &words);
        Self { trie: trie.with_eos_tokens(&vocabulary.ends), encode: vocabulary.encode.clone() }
    }

    fn encoded(&self, bytes: &[u8]) -> Option<Vec<TokenId>> {
        let encode = self.encode.as_ref()?;
        let tokens = encode(std::str::from_utf8(bytes).ok()?);
        (self.trie.decode_raw(&tokens) == bytes).then_some(tokens)
    }
}

impl TokenizerEnv for Environment {
    fn tok_trie(&self) -> &TokTrie {
        &self.trie
    }

    fn tokenize_bytes(&self, bytes: &[u8]) -> Vec<TokenId> {
        // A tokenizer that adds to the text, such as a leading space, is unusable for a grammar.
        self.encoded(bytes).unwrap_or_else(|| self.trie.greedy_tokenize(bytes))
    }

    fn tokenize_is_canonical(&self) -> bool {
        self.encode.is_some()
    }
}
