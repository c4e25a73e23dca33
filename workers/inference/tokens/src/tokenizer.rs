use std::sync::Arc;

use cortex_gguf::Gguf;

use crate::added::{Added, Part};
use crate::allowance::Allowance;
use crate::bpe::Bpe;
use crate::hugging_face::{self, HuggingFace};
use crate::merge::Merger;
use crate::spm::Spm;
use crate::vocabulary::{Kind, LeadingSpace, Vocabulary};
use crate::{EncodeError, LoadError, gguf};

/// A model's tokens, and how text becomes tokens. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    inner: Arc<Inner>,
}

/// Whether the names of control tokens mean these tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Specials {
    /// They do: for text that a chat template made.
    Parse,
    /// They are text like any other: for text that users wrote.
    Plain,
}

#[derive(Debug)]
struct Inner {
    vocabulary: Vocabulary,
    encoder: Encoder,
    /// Bytes of a text that one token stands for at most.
    longest: usize,
}

#[derive(Debug)]
pub(crate) enum Encoder {
    Spm { model: Spm, added: Added },
    Bpe { model: Bpe, added: Added },
    HuggingFace(Box<HuggingFace>),
}

/// So that offsets fit 32 bits when every space becomes three bytes.
const LONGEST: usize = 1 << 30;

impl Tokenizer {
    /// From `tokenizer.json`, and `tokenizer_config.json` for bos, eos, added tokens and the chat template. `ends` are
    /// further tokens that end a generation: the `eos_token_id` of `generation_config.json`.
    pub fn from_hugging_face(
        tokenizer_json: &[u8],
        tokenizer_config: Option<&[u8]>,
        ends: &[u32],
    ) -> Result<Self, LoadError> {
        hugging_face::load(tokenizer_json, tokenizer_config, ends)
    }

    /// From a GGUF file's own vocabulary.
    pub fn from_gguf(gguf: &Gguf) -> Result<Self, LoadError> {
        gguf::load(gguf)
    }

    pub(crate) fn new(vocabulary: Vocabulary, encoder: Encoder) -> Self {
        let longest = vocabulary.longest();
        Self { inner: Arc::new(Inner { vocabulary, encoder, longest }) }
    }

    /// The tokens of a text. With `bos`, they begin with the token of that name if the model was trained so.
    pub fn encode(&self, text: &str, specials: Specials, bos: bool) -> Result<Vec<u32>, EncodeError> {
        self.encode_within(text, specials, bos, usize::MAX)
    }

    /// The same of a text that may have `most` tokens. One that has more is refused once that is certain: at once where
    /// its bytes alone prove it, otherwise before what follows is encoded.
    pub fn encode_within(
        &self,
        text: &str,
        specials: Specials,
        bos: bool,
        most: usize,
    ) -> Result<Vec<u32>, EncodeError> {
        if text.len() > LONGEST {
            return Err(EncodeError::TooLong(text.len()));
        }
        let mut out = Allowance::new(most, self.inner.longest);
        out.extend(self.bos().filter(|_| bos && self.adds_bos()))?;
        let vocabulary = &self.inner.vocabulary;
        let mut merger = Merger::default();
        match &self.inner.encoder {
            Encoder::HuggingFace(encoder) => encoder.encode(vocabulary, text, specials, &mut out)?,
            Encoder::Bpe { model, added } => {
                for part in added.split(text, specials) {
                    match part {
                        Part::Token(token) => out.push(token)?,
                        Part::Text(text) => model.encode(vocabulary, &mut merger, text, &mut out)?,
                    }
                }
            }
            Encoder::Spm { model, added } => {
                let space = if vocabulary.leading_space == LeadingSpace::Never { "" } else { " " };
                let mut prefix = space;
                for part in added.split(text, specials) {
                    match part {
                        Part::Token(token) => {
                            out.push(token)?;
                            prefix = space;
                        }
                        Part::Text(text) => {
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

    /// The text of tokens that are a whole text, without what encoding put before it. May end within a character.
    pub fn decode(&self, tokens: &[u32]) -> Vec<u8> {
        let before = std::iter::once(None).chain(tokens.iter().copied().map(Some));
        before.zip(tokens).flat_map(|(previous, &token)| self.piece(previous, token)).copied().collect()
    }

    /// What a token adds to the text, exactly; nothing for control tokens and for what lies outside the vocabulary.
    pub fn bytes(&self, token: u32) -> &[u8] {
        self.inner.vocabulary.bytes(token)
    }

    /// What a token adds to the text after `previous`: [`Tokenizer::bytes`] without the space that encoding puts
    /// before a text, where it puts one.
    pub fn piece(&self, previous: Option<u32>, token: u32) -> &[u8] {
        let vocabulary = &self.inner.vocabulary;
        let begins = match (vocabulary.leading_space, previous) {
            (LeadingSpace::Never, _) => false,
            (_, None) => true,
            (LeadingSpace::First, Some(previous)) => Some(previous) == vocabulary.bos,
            (LeadingSpace::Sections, Some(previous)) => {
                matches!(vocabulary.kind(previous), Kind::Control | Kind::Unknown | Kind::Added)
            }
        };
        let bytes = vocabulary.bytes(token);
        match bytes.strip_prefix(b" ") {
            Some(rest) if begins && vocabulary.kind(token) == Kind::Normal => rest,
            _ => bytes,
        }
    }

    /// Whether the token is no part of the text.
    pub fn is_control(&self, token: u32) -> bool {
        matches!(self.inner.vocabulary.kind(token), Kind::Control | Kind::Unknown)
    }

    /// How many tokens there are; a model may have more rows.
    pub fn vocabulary(&self) -> usize {
        self.inner.vocabulary.len()
    }

    /// The tokens that end a generation.
    pub fn ends(&self) -> &[u32] {
        &self.inner.vocabulary.ends
    }

    pub fn bos(&self) -> Option<u32> {
        self.inner.vocabulary.bos
    }

    /// Whether the model was trained on texts that begin with [`Tokenizer::bos`].
    pub fn adds_bos(&self) -> bool {
        self.inner.vocabulary.adds_bos
    }

    /// The token of this name, spelled as the vocabulary spells it.
    pub fn id(&self, text: &str) -> Option<u32> {
        self.inner.vocabulary.id(text)
    }

    /// A token's name, as the vocabulary spells it; empty outside the vocabulary.
    pub fn text_of(&self, token: u32) -> &str {
        self.inner.vocabulary.text(token)
    }

    pub fn chat_template(&self) -> Option<&str> {
        self.inner.vocabulary.chat_template.as_deref()
    }
}
