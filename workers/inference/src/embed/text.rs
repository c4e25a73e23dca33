//! Tokenises texts.

use std::path::Path;

use tokenizers::{NormalizerWrapper, PostProcessor, PreTokenizerWrapper, Tokenizer, TruncationParams};

use super::LoadError;

/// The tokens of a text, including special ones. They are never empty.
pub(super) type Tokens = Vec<u32>;

/// How many bytes per token the first part of a text has. Few texts in natural language have more.
const BYTES_PER_TOKEN: usize = 16;
/// How much longer each further part is.
const GROWTH: usize = 4;

/// A tokenizer that finds a text's first tokens without reading the text to its end. It does not
/// pad.
#[derive(Debug)]
pub(super) struct TextTokenizer {
    whole: Tokenizer,
    cutting: Tokenizer,
    max_tokens: usize,
    vocabulary: u32,
    /// Whether a text that is cut before a blank has the first tokens of the whole text.
    splits_at_blanks: bool,
}

/// A tokenised text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TokenisedText {
    pub(super) tokens: Tokens,
    /// Whether the text has more tokens than these.
    pub(super) truncated: bool,
}

impl TextTokenizer {
    /// Reads `tokenizer.json`, for a model with `vocabulary` tokens that accepts `max_tokens` of
    /// them.
    pub(super) fn load(file: &Path, max_tokens: usize, vocabulary: usize) -> Result<Self, LoadError> {
        let bytes =
            std::fs::read(file).map_err(|cause| LoadError::Unreadable { file: file.into(), cause })?;
        let mut whole = Tokenizer::from_bytes(bytes).map_err(|error| LoadError::malformed(file, error))?;
        let added = whole.get_post_processor().map_or(0, |processor| processor.added_tokens(false));
        if max_tokens <= added {
            let reason = format!(
                "it adds {added} tokens to every text, but sentence_bert_config.json allows {max_tokens}"
            );
            return Err(LoadError::malformed(file, reason));
        }
        whole.with_padding(None);
        whole.with_truncation(None).map_err(|error| LoadError::malformed(file, error))?;
        let mut cutting = whole.clone();
        let truncation = TruncationParams { max_length: max_tokens, ..TruncationParams::default() };
        cutting.with_truncation(Some(truncation)).map_err(|error| LoadError::malformed(file, error))?;
        let vocabulary = u32::try_from(vocabulary).map_err(|_| {
            LoadError::malformed(file, "the model's vocabulary is larger than tokens can name")
        })?;
        let splits_at_blanks = splits_at_blanks(&whole);
        let tokenizer = Self { whole, cutting, max_tokens, vocabulary, splits_at_blanks };
        // A tokenizer of another model would fail on every text, so the load fails instead.
        tokenizer.read("probe").map_err(|reason| LoadError::malformed(file, reason))?;
        Ok(tokenizer)
    }

    /// Tokenises a text. A text with more tokens than the model accepts is truncated.
    pub(super) fn read(&self, text: &str) -> Result<TokenisedText, String> {
        let mut size = self.max_tokens.saturating_mul(BYTES_PER_TOKEN);
        loop {
            let piece = if self.splits_at_blanks { before_blank(text, size) } else { text };
            let tokens = self.tokens(&self.whole, piece)?;
            if tokens.len() > self.max_tokens {
                return Ok(TokenisedText { tokens: self.tokens(&self.cutting, piece)?, truncated: true });
            }
            if piece.len() == text.len() {
                return Ok(TokenisedText { tokens, truncated: false });
            }
            size = size.saturating_mul(GROWTH);
        }
    }

    fn tokens(&self, tokenizer: &Tokenizer, text: &str) -> Result<Tokens, String> {
        let encoding = tokenizer.encode_fast(text, true).map_err(|error| error.to_string())?;
        let tokens = encoding.get_ids();
        if tokens.is_empty() {
            return Err("the text has no tokens".into());
        }
        if let Some(token) = tokens.iter().find(|token| **token >= self.vocabulary) {
            return Err(format!(
                "the tokenizer produces token {token}, but the model's vocabulary has {}",
                self.vocabulary
            ));
        }
        Ok(tokens.to_vec())
    }
}

/// Returns whether the tokenizer uses BERT's own steps. They look at characters one by one, and a
/// blank ends a word.
fn splits_at_blanks(tokenizer: &Tokenizer) -> bool {
    let by_letter = matches!(tokenizer.get_normalizer(), None | Some(NormalizerWrapper::BertNormalizer(_)));
    let by_word = matches!(tokenizer.get_pre_tokenizer(), Some(PreTokenizerWrapper::BertPreTokenizer(_)));
    let mut added = tokenizer.get_added_tokens_decoder().into_values();
    by_letter && by_word && added.all(|token| !token.content.contains(char::is_whitespace))
}

/// Returns the beginning of a text of about `size` bytes, up to a blank. Returns the whole text if
/// no blank follows.
fn before_blank(text: &str, size: usize) -> &str {
    let rest = text.as_bytes().get(size..).unwrap_or_default();
    match rest.iter().position(u8::is_ascii_whitespace) {
        Some(blank) => &text[..size + blank],
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_ends_before_a_blank() {
        assert_eq!(before_blank("one two three", 4), "one two");
        assert_eq!(before_blank("one two three", 3), "one");
        assert_eq!(before_blank("one two", 4), "one two");
        assert_eq!(before_blank("ééé ééé", 1), "ééé");
        assert_eq!(before_blank("", 4), "");
    }
}
