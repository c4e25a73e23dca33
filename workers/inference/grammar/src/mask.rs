use llguidance::toktrie::SimpleVob;

/// The allowed tokens: bit `t % 32` of word `t / 32` is token `t`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mask {
    words: Vec<u32>,
}

impl Mask {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn words(&self) -> &[u32] {
        &self.words
    }

    pub fn allows(&self, token: u32) -> bool {
        self.words.get(token as usize / 32).is_some_and(|word| word >> (token % 32) & 1 == 1)
    }

    /// The number of allowed tokens.
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Sets the logits of all other tokens to -inf.
    pub fn apply(&self, logits: &mut [f32]) {
        for (token, logit) in logits.iter_mut().enumerate() {
            if !self.allows(token as u32) {
                *logit = f32::NEG_INFINITY;
            }
        }
    }

    pub(crate) fn none(words: usize) -> Self {
        Self { words: vec![0; words] }
    }

    pub(crate) fn take(&mut self, bits: SimpleVob) {
        self.words = bits.into();
    }

    pub(crate) fn copy(&mut self, other: &Self) {
        self.words.clear();
        self.words.extend_from_slice(&other.words);
    }

    pub(crate) fn allow(&mut self, token: u32) {
        if let Some(word) = self.words.get_mut(token as usize / 32) {
            *word |= 1 << (token % 32);
        }
    }

    pub(crate) fn disallow(&mut self, token: u32) {
        if let Some(word) = self.words.get_mut(token as usize / 32) {
            *word &= !(1 << (token % 32));
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// The allowed tokens.
    pub(crate) fn allowed(&self) -> impl Iterator<Item = u32> {
        let words = self.words.iter().enumerate();
        words.flat_map(|(index, word)| {
            (0..32).filter(move |bit| word >> bit & 1 == 1).map(move |bit| index as u32 * 32 + bit)
        })
    }

    /// Stores the tokens that are in both masks in `tokens`.
    pub(crate) fn both(&self, other: &Self, tokens: &mut Vec<u32>) {
        tokens.clear();
        for (index, (left, right)) in self.words.iter().zip(&other.words).enumerate() {
            let mut bits = left & right;
            while bits != 0 {
                tokens.push(index as u32 * 32 + bits.trailing_zeros());
                bits &= bits - 1;
            }
        }
    }
}
