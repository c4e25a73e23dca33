use std::collections::HashMap;

use crate::{LoadError, byte_alphabet};

/// The tokens, what they are and what they say.
#[derive(Debug, Default)]
pub(crate) struct Vocabulary {
    texts: Strings,
    bytes: Strings,
    kinds: Vec<Kind>,
    ids: HashMap<String, u32>,
    pub(crate) ends: Vec<u32>,
    pub(crate) bos: Option<u32>,
    /// Whether the model was trained on texts that begin with bos.
    pub(crate) adds_bos: bool,
    pub(crate) leading_space: LeadingSpace,
    pub(crate) chat_template: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    /// Says something about the text, and isn't part of it.
    Control,
    /// Stands for what the vocabulary has no token for.
    Unknown,
    /// Found in the text before anything else is.
    Added,
    /// `<0x0A>`: a byte that no other token covers.
    Byte,
    /// A row of the model that nothing was trained on.
    Unused,
}

/// How a token's text says which bytes it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// By the byte alphabet of GPT-2.
    ByteLevel,
    /// As it is, with U+2581 for a space.
    SentencePiece,
}

/// Where encoding puts a space before the text that isn't there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum LeadingSpace {
    #[default]
    Never,
    /// At the beginning.
    First,
    /// At the beginning, and after every token that is found before the others are.
    Sections,
}

/// The most tokens a vocabulary may have, twenty times the largest known.
pub(crate) const MOST: usize = 1 << 22;

/// Tokens that end a turn or the text in one family or another, where they are no ordinary words.
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

/// Whether a token of this text ends a generation, if it isn't an ordinary word.
pub(crate) fn is_end(text: &str) -> bool {
    ENDS.contains(&text)
}

impl Vocabulary {
    /// `ends` and `bos` become control tokens whatever they were said to be, and so does what is an end by its name.
    pub(crate) fn new(
        tokens: Vec<(String, Kind)>,
        spelling: Spelling,
        mut ends: Vec<u32>,
        bos: Option<u32>,
    ) -> Result<Self, LoadError> {
        if tokens.is_empty() || tokens.len() > MOST {
            return Err(LoadError::Size(MOST));
        }
        let mut vocabulary = Self { bos, ..Self::default() };
        for (index, (text, kind)) in tokens.into_iter().enumerate() {
            let id = index as u32;
            let named = matches!(kind, Kind::Added | Kind::Control) && is_end(&text);
            if named && !ends.contains(&id) {
                ends.push(id);
            }
            let kind = if ends.contains(&id) || bos == Some(id) { Kind::Control } else { kind };
            let bytes = spell(&text, kind, spelling)
                .ok_or_else(|| LoadError::Spelling { token: index, text: text.clone() })?;
            vocabulary.bytes.push(&bytes);
            vocabulary.texts.push(text.as_bytes());
            vocabulary.kinds.push(kind);
            if kind != Kind::Unused {
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

    /// The token of this text, if text is ever turned into it.
    pub(crate) fn word(&self, text: &str) -> Option<u32> {
        self.id(text).filter(|&id| matches!(self.kind(id), Kind::Normal | Kind::Added))
    }

    /// What lies outside the vocabulary is unused: models have more rows than tokens.
    pub(crate) fn kind(&self, token: u32) -> Kind {
        self.kinds.get(token as usize).copied().unwrap_or(Kind::Unused)
    }

    pub(crate) fn text(&self, token: u32) -> &str {
        std::str::from_utf8(self.texts.get(token)).expect("texts are kept as they came")
    }

    pub(crate) fn bytes(&self, token: u32) -> &[u8] {
        self.bytes.get(token)
    }

    /// Bytes of a text that one token stands for at most. What is unknown stands for one character.
    pub(crate) fn longest(&self) -> usize {
        let bytes = |id: u32| match self.kind(id) {
            Kind::Control | Kind::Unknown | Kind::Added => self.text(id).len(),
            Kind::Normal | Kind::Byte | Kind::Unused => self.bytes(id).len(),
        };
        (0..self.len() as u32).map(bytes).fold(char::MAX_LEN_UTF8, usize::max)
    }

    /// The tokens that are found in a text before it is cut into words.
    pub(crate) fn found_first(&self) -> impl Iterator<Item = (u32, &str, Kind)> {
        (0..self.len() as u32).map(|id| (id, self.text(id), self.kind(id))).filter(|(_, text, kind)| {
            matches!(kind, Kind::Control | Kind::Unknown | Kind::Added) && !text.is_empty()
        })
    }
}

fn spell(text: &str, kind: Kind, spelling: Spelling) -> Option<Vec<u8>> {
    match (kind, spelling) {
        (Kind::Control | Kind::Unknown | Kind::Unused, _) => Some(Vec::new()),
        (Kind::Byte, _) => byte(text).map(|byte| vec![byte]),
        (Kind::Added, Spelling::ByteLevel) => Some(text.as_bytes().to_vec()),
        (Kind::Normal, Spelling::ByteLevel) => {
            let bytes: Option<Vec<u8>> = text.chars().map(byte_alphabet::byte).collect();
            // A token that isn't of the alphabet says what it says.
            Some(bytes.unwrap_or_else(|| text.as_bytes().to_vec()))
        }
        (Kind::Normal | Kind::Added, Spelling::SentencePiece) => {
            Some(text.replace('\u{2581}', " ").into_bytes())
        }
    }
}

/// The byte that `<0x0A>` stands for.
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

    /// Empty for what was never pushed.
    fn get(&self, index: u32) -> &[u8] {
        let index = index as usize;
        let start = if index == 0 { 0 } else { self.ends.get(index - 1).copied().unwrap_or(0) };
        self.ends.get(index).map_or(&[], |&end| &self.bytes[start..end])
    }
}
