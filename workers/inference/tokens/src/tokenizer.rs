use std::sync::Arc;

use cortex_gguf::Gguf;

use crate::added::{Added, TextPart};
use crate::bpe::Bpe;
use crate::budget::TokenBudget;
use crate::hugging_face::{self, HuggingFace};
use crate::merge::Merger;
use crate::spm::Spm;
use crate::vocabulary::{LeadingSpace, TokenKind, Vocabulary};
use crate::{EncodeError, LoadError, gguf};

/// A model's tokens and how text is encoded into them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    inner: Arc<Inner>,
}

/// Whether the names of control tokens are parsed as those tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Specials {
    /// They are: for text that a chat template rendered.
    Parse,
    /// They are ordinary text: for text written by users.
    Plain,
}

#[derive(Debug)]
struct Inner {
    vocabulary: Vocabulary,
    encoder: Encoder,
    /// The most bytes of text that one token represents.
    longest: usize,
}

#[derive(Debug)]
pub(crate) enum Encoder {
    Spm { model: Spm, added: Added },
    Bpe { model: Bpe, added: Added },
    HuggingFace(Box<HuggingFace>),
}

/// Ensures that offsets fit in 32 bits even if every space becomes three bytes.
const MAX_TEXT_BYTES: usize = 1 << 30;

impl Tokenizer {
    /// Loads `tokenizer.json`, and `tokenizer_config.json` for bos, eos, added tokens and the chat
    /// template. `ends` are further tokens that end a generation: the `eos_token_id` of
    /// `generation_config.json`.
    pub fn from_hugging_face(
        tokenizer_json: &[u8],
        tokenizer_config: Option<&[u8]>,
        ends: &[u32],
    ) -> Result<Self, LoadError> {
        hugging_face::load(tokenizer_json, tokenizer_config, ends)
    }

    /// Loads the vocabulary of a GGUF file.
    pub fn from_gguf(gguf: &Gguf) -> Result<Self, LoadError> {
        gguf::load(gguf)
    }

    pub(crate) fn new(vocabulary: Vocabulary, encoder: Encoder) -> Self {
        let longest = vocabulary.longest();
        Self { inner: Arc::new(Inner { vocabulary, encoder, longest }) }
    }

    /// Encodes a text. If `bos` is set, the tokens begin with the bos token, provided that the
    /// model was trained that way.
    pub fn encode(&self, text: &str, specials: Specials, bos: bool) -> Result<Vec<u32>, EncodeError> {
        self.encode_within(text, specials, bos, usize::MAX)
    }

    /// Like [`Tokenizer::encode`], for a text that may have at most `most` tokens. A longer one is
    /// rejected as soon as that is certain: immediately if its byte count proves it, otherwise
    /// before the rest is encoded.
    pub fn encode_within(
        &self,
        text: &str,
        specials: Specials,
        bos: bool,
        most: usize,
    ) -> Result<Vec<u32>, EncodeError> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(EncodeError::TooLong(text.len()));
        }
        let mut out = TokenBudget::new(most, self.inner.longest);
        out.extend(self.bos().filter(|_| bos && self.adds_bos()))?;
        let vocabulary = &self.inner.vocabulary;
        let mut merger = Merger::default();
        match &self.inner.encoder {
            Encoder::HuggingFace(encoder) => encoder.encode(vocabulary, text, specials, &mut out)?,
            Encoder::Bpe { model, added } => {
                for part in added.split(text, specials) {
                    match part {
                        TextPart::Token(token) => out.push(token)?,
                        TextPart::Text(text) => model.encode(vocabulary, &mut merger, text, &mut out)?,
                    }
                }
            }
            Encoder::Spm { model, added } => {
                let space = if vocabulary.leading_space == LeadingSpace::Never { "" } else { " " };
                let mut prefix = space;
                for part in added.split(text, specials) {
                    match part {
                        TextPart::Token(token) => {
                            out.push(token)?;
                            prefix = space;
                        }
                        TextPart::Text(text) => {
                            let text = [prefix, text].concat();
                            model.encode(vocabulary, &mut merger, &text, &mut out)?;
                            prefix = "";
                        }
                    }
                }
            }
        }
        Ok(out.into_tokens())
    }

    /// Decodes the tokens of a complete text, without the leading space that encoding added. The
    /// result may end within a character.
    pub fn decode(&self, tokens: &[u32]) -> Vec<u8> {
        let before = std::iter::once(None).chain(tokens.iter().copied().map(Some));
        before.zip(tokens).flat_map(|(previous, &token)| self.piece(previous, token)).copied().collect()
    }

    /// The exact bytes that a token adds to the text; empty for control tokens and ids outside the
    /// vocabulary.
    pub fn bytes(&self, token: u32) -> &[u8] {
        self.inner.vocabulary.bytes(token)
    }

    /// The bytes that a token adds to the text after `previous`: [`Tokenizer::bytes`] without the
    /// space that encoding adds before a text, if it adds one.
    pub fn piece(&self, previous: Option<u32>, token: u32) -> &[u8] {
        let vocabulary = &self.inner.vocabulary;
        let begins = match (vocabulary.leading_space, previous) {
            (LeadingSpace::Never, _) => false,
            (_, None) => true,
            (LeadingSpace::First, Some(previous)) => Some(previous) == vocabulary.bos,
            (LeadingSpace::Sections, Some(previous)) => {
                matches!(
                    vocabulary.kind(previous),
                    TokenKind::Control | TokenKind::Unknown | TokenKind::Added
                )
            }
        };
        let bytes = vocabulary.bytes(token);
        match bytes.strip_prefix(b" ") {
            Some(rest) if begins && vocabulary.kind(token) == TokenKind::Normal => rest,
            _ => bytes,
        }
    }

    /// Whether the token is not part of the text.
    pub fn is_control(&self, token: u32) -> bool {
        matches!(self.inner.vocabulary.kind(token), TokenKind::Control | TokenKind::Unknown)
    }

    /// The number of tokens; a model may have more rows.
    pub fn vocabulary(&self) -> usize {
        self.inner.vocabulary.len()
    }

    /// The tokens that end a generation.
    pub fn ends(&self) -> &[u32] {
        &self.inner.vocabulary.ends
    }

    /// The token at the beginning of a text.
    pub fn bos(&self) -> Option<u32> {
        self.inner.vocabulary.bos
    }

    /// Whether the model was trained on texts that begin with [`Tokenizer::bos`].
    pub fn adds_bos(&self) -> bool {
        self.inner.vocabulary.adds_bos
    }

    /// The id of the token with this name, as spelled in the vocabulary.
    pub fn id(&self, text: &str) -> Option<u32> {
        self.inner.vocabulary.id(text)
    }

    /// A token's name, as spelled in the vocabulary; empty outside the vocabulary.
    pub fn text_of(&self, token: u32) -> &str {
        self.inner.vocabulary.text(token)
    }

    pub fn chat_template(&self) -> Option<&str> {
        self.inner.vocabulary.chat_template.as_deref()
    }
}
