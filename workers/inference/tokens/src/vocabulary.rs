use std::collections::HashMap;

use crate::{LoadError, byte_alphabet};

/// The tokens with their kinds and their bytes.
#[derive(Debug, Default)]
pub(crate) struct Vocabulary {
    texts: Strings,
    bytes: Strings,
    kinds: Vec<TokenKind>,
    ids: HashMap<String, u32>,
    pub(crate) ends: Vec<u32>,
    pub(crate) bos: Option<u32>,
    /// Whether the model was trained on texts that begin with bos.
    pub(crate) adds_bos: bool,
    pub(crate) leading_space: LeadingSpace,
    pub(crate) chat_template: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    Normal,
    /// Describes the text without being part of it.
    Control,
    /// Replaces text for which the vocabulary has no token.
    Unknown,
    /// Matched in the text before anything else.
    Added,
    /// `<0x0A>`: a byte that no other token covers.
    Byte,
    /// An untrained row of the model.
    Unused,
}

/// How a token's text encodes its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// In GPT-2's byte alphabet.
    ByteLevel,
    /// Verbatim, with U+2581 for a space.
    SentencePiece,
}

/// Where encoding adds a space that isn't in the text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum LeadingSpace {
    #[default]
    Never,
    /// At the beginning.
    First,
    /// At the beginning, and after every added token.
    Sections,
}

/// The most tokens allowed in a vocabulary: twenty times the largest known.
pub(crate) const MAX_TOKENS: usize = 1 << 22;

/// Tokens that end a turn or a text in some family, unless they are ordinary words.
const ENDS: [&str; 14] = [
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|eom_id|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|end_of_turn|>",
    "<end_of_turn>",
    "<end_of_utterance>",
    "<|eot|>",
    "<|return|>",
    "<EOT>",
    "_<EOT>",
    "<｜end▁of▁sentence｜>",
];

/// Whether a token with this text ends a generation, unless it is an ordinary word.
pub(crate) fn is_end(text: &str) -> bool {
    ENDS.contains(&text)
}

impl Vocabulary {
    /// `ends` and `bos` become control tokens regardless of their declared kind, and so do tokens
    /// with the name of an end.
    pub(crate) fn new(
        tokens: Vec<(String, TokenKind)>,
        spelling: Spelling,
        mut ends: Vec<u32>,
        bos: Option<u32>,
    ) -> Result<Self, LoadError> {
        if tokens.is_empty() || tokens.len() > MAX_TOKENS {
            return Err(LoadError::Size(MAX_TOKENS));
        }
        let mut vocabulary = Self { bos, ..Self::default() };
        for (index, (text, kind)) in tokens.into_iter().enumerate() {
            let id = index as u32;
            let named = matches!(kind, TokenKind::Added | TokenKind::Control) && is_end(&text);
            if named && !ends.contains(&id) {
                ends.push(id);
            }
            let kind = if ends.contains(&id) || bos == Some(id) { TokenKind::Control } else { kind };
            let bytes = spell(&text, kind, spelling)
                .ok_or_else(|| LoadError::Spelling { token: index, text: text.clone() })?;
            vocabulary.bytes.push(&bytes);
            vocabulary.texts.push(text.as_bytes());
            vocabulary.kinds.push(kind);
            if kind != TokenKind::Unused {
                vocabulary.ids.insert(text, id);
            }
        }
        vocabulary.ends = ends;
        Ok(vocabulary)
    }

    pub(crate) fn len(&self) -> usize {
        self.kinds.len()
    }

    pub(crate) fn id(&self, text: &str) -> Option<u32> {
        self.ids.get(text).copied()
    }

    /// The token with this text, if text is ever encoded to it.
    pub(crate) fn word(&self, text: &str) -> Option<u32> {
        self.id(text).filter(|&id| matches!(self.kind(id), TokenKind::Normal | TokenKind::Added))
    }

    /// Ids outside the vocabulary are unused: models have more rows than tokens.
    pub(crate) fn kind(&self, token: u32) -> TokenKind {
        self.kinds.get(token as usize).copied().unwrap_or(TokenKind::Unused)
    }

    pub(crate) fn text(&self, token: u32) -> &str {
        std::str::from_utf8(self.texts.get(token)).expect("the texts are stored unchanged")
    }

    pub(crate) fn bytes(&self, token: u32) -> &[u8] {
        self.bytes.get(token)
    }

    /// The most bytes of text that one token represents. An unknown token represents one character.
    pub(crate) fn longest(&self) -> usize {
        let bytes = |id: u32| match self.kind(id) {
            TokenKind::Control | TokenKind::Unknown | TokenKind::Added => self.text(id).len(),
            TokenKind::Normal | TokenKind::Byte | TokenKind::Unused => self.bytes(id).len(),
        };
        (0..self.len() as u32).map(bytes).fold(char::MAX_LEN_UTF8, usize::max)
    }

    /// The tokens that are matched in a text before it is split into words.
    pub(crate) fn found_first(&self) -> impl Iterator<Item = (u32, &str, TokenKind)> {
        (0..self.len() as u32).map(|id| (id, self.text(id), self.kind(id))).filter(|(_, text, kind)| {
            matches!(kind, TokenKind::Control | TokenKind::Unknown | TokenKind::Added) && !text.is_empty()
        })
    }
}

fn spell(text: &str, kind: TokenKind, spelling: Spelling) -> Option<Vec<u8>> {
    match (kind, spelling) {
        (TokenKind::Control | TokenKind::Unknown | TokenKind::Unused, _) => Some(Vec::new()),
        (TokenKind::Byte, _) => byte(text).map(|byte| vec![byte]),
        (TokenKind::Added, Spelling::ByteLevel) => Some(text.as_bytes().to_vec()),
        (TokenKind::Normal, Spelling::ByteLevel) => {
            let bytes: Option<Vec<u8>> = text.chars().map(byte_alphabet::byte).collect();
            // A token outside the byte alphabet represents its own text.
            Some(bytes.unwrap_or_else(|| text.as_bytes().to_vec()))
        }
        (TokenKind::Normal | TokenKind::Added, Spelling::SentencePiece) => {
            Some(text.replace('\u{2581}', " ").into_bytes())
        }
    }
}

/// The byte that `<0x0A>` represents.
pub(crate) fn byte(text: &str) -> Option<u8> {
    let digits = text.strip_prefix("<0x")?.strip_suffix('>')?;
    let is_plain = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_plain.then(|| u8::from_str_radix(digits, 16).ok()).flatten()
}

/// Many short strings in one allocation.
#[derive(Debug, Default)]
struct Strings {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Strings {
    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.ends.push(self.bytes.len());
    }

    /// Empty for an index that was never pushed.
    fn get(&self, index: u32) -> &[u8] {
        let index = index as usize;
        let start = if index == 0 { 0 } else { self.ends.get(index - 1).copied().unwrap_or(0) };
        self.ends.get(index).map_or(&[], |&end| &self.bytes[start..end])
    }
}
