//! Text to tokens.

use std::path::Path;

use tokenizers::{PostProcessor, Tokenizer, TruncationParams};

use super::LoadError;

/// A text's tokens, special ones included; never empty.
pub(super) type Tokens = Vec<u32>;

/// A tokenizer that cuts and does not pad.
#[derive(Debug)]
pub(super) struct Tokenise {
    tokenizer: Tokenizer,
    vocabulary: u32,
}

impl Tokenise {
    /// Reads `tokenizer.json`, for a model that takes `longest` tokens of `vocabulary`.
    pub(super) fn load(file: &Path, longest: usize, vocabulary: usize) -> Result<Self, LoadError> {
        let bytes =
            std::fs::read(file).map_err(|source| LoadError::Unreadable { file: file.into(), source })?;
        let mut tokenizer =
            Tokenizer::from_bytes(bytes).map_err(|error| LoadError::malformed(file, error))?;
        let added = tokenizer.get_post_processor().map_or(0, |processor| processor.added_tokens(false));
        if longest <= added {
            let reason =
                format!("it adds {added} tokens to every text; sentence_bert_config.json allows {longest}");
            return Err(LoadError::malformed(file, reason));
        }
        let truncation = TruncationParams { max_length: longest, ..TruncationParams::default() };
        tokenizer.with_truncation(Some(truncation)).map_err(|error| LoadError::malformed(file, error))?;
        tokenizer.with_padding(None);
        let vocabulary = u32::try_from(vocabulary).map_err(|_| {
            LoadError::malformed(file, "the model's vocabulary is larger than tokens can name")
        })?;
        let tokenise = Self { tokenizer, vocabulary };
        // A tokenizer of another model would fail on every text: better now than then.
        tokenise.tokens("probe").map_err(|reason| LoadError::malformed(file, reason))?;
        Ok(tokenise)
    }

    pub(super) fn tokens(&self, text: &str) -> Result<Tokens, String> {
        let encoding = self.tokenizer.encode_fast(text, true).map_err(|error| error.to_string())?;
        let tokens = encoding.get_ids();
        if tokens.is_empty() {
            return Err("the text has no tokens".into());
        }
        if let Some(token) = tokens.iter().find(|token| **token >= self.vocabulary) {
            return Err(format!("the tokenizer gives token {token}, the model has {}", self.vocabulary));
        }
        Ok(tokens.to_vec())
    }
}
