use std::fmt;
use std::sync::Arc;

use crate::VocabularyError;

/// Encodes text to tokens as the model's tokenizer does, without special tokens.
pub type Encode = Arc<dyn Fn(&str) -> Vec<u32> + Send + Sync>;

/// More tokens than any model has; the parser's tables hold 4 million nodes.
const MAX_TOKENS: usize = 1 << 20;

/// The texts and roles of a model's tokens.
#[derive(Clone, Default)]
pub struct Vocabulary {
    /// What each token adds to the text; tokens that add nothing are empty and never allowed by a
    /// grammar.
    pub tokens: Vec<Vec<u8>>,
    /// Control tokens by name, for markers and call syntaxes that contain them.
    pub control: Vec<(u32, String)>,
    /// The tokens that end a text.
    pub ends: Vec<u32>,
    /// If set, a grammar forces text in the model's own tokenisation; otherwise nothing is forced.
    pub encode: Option<Encode>,
}

impl Vocabulary {
    pub(crate) fn check(&self) -> Result<(), VocabularyError> {
        let size = self.tokens.len();
        if size == 0 || size > MAX_TOKENS {
            return Err(VocabularyError::Size { found: size, most: MAX_TOKENS });
        }
        if self.ends.is_empty() {
            return Err(VocabularyError::NoEnd);
        }
        let named = self.control.iter().map(|(token, _)| token);
        match self.ends.iter().chain(named).find(|token| **token as usize >= size) {
            Some(&token) => Err(VocabularyError::NoSuchToken { token, size }),
            None => Ok(()),
        }
    }

    pub(crate) fn named(&self, name: &str) -> Option<u32> {
        self.control.iter().find(|(_, known)| known == name).map(|(token, _)| *token)
    }
}

impl fmt::Debug for Vocabulary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Vocabulary")
            .field("tokens", &self.tokens.len())
            .field("control", &self.control.len())
            .field("ends", &self.ends)
            .field("encodes", &self.encode.is_some())
            .finish()
    }
}
