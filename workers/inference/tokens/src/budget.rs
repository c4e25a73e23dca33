use crate::EncodeError;

/// Collects the tokens of a text up to a limit.
#[derive(Debug)]
pub(crate) struct TokenBudget {
    tokens: Vec<u32>,
    most: usize,
    /// The most bytes of text that one token represents.
    longest: usize,
}

impl TokenBudget {
    pub(crate) fn new(most: usize, longest: usize) -> Self {
        Self { tokens: Vec::new(), most, longest: longest.max(1) }
    }

    pub(crate) fn push(&mut self, token: u32) -> Result<(), EncodeError> {
        if self.tokens.len() >= self.most {
            return Err(self.exceeded());
        }
        self.tokens.push(token);
        Ok(())
    }

    pub(crate) fn extend(&mut self, tokens: impl IntoIterator<Item = u32>) -> Result<(), EncodeError> {
        tokens.into_iter().try_for_each(|token| self.push(token))
    }

    /// Rejects a text whose byte count alone proves that it exceeds the limit. It is cheap, so it
    /// comes before the actual work.
    pub(crate) fn check(&self, bytes: usize) -> Result<(), EncodeError> {
        let least = bytes.div_ceil(self.longest);
        if least > self.most - self.tokens.len() { Err(self.exceeded()) } else { Ok(()) }
    }

    pub(crate) fn into_tokens(self) -> Vec<u32> {
        self.tokens
    }

    fn exceeded(&self) -> EncodeError {
        EncodeError::TooMany { most: self.most }
    }
}
