use crate::EncodeError;
use crate::budget::TokenBudget;
use crate::merge::{Merge, Merger, NONE};
use crate::vocabulary::{TokenKind, Vocabulary};

/// SentencePiece's BPE: pieces with scores, and bytes for text that no piece covers.
#[derive(Debug)]
pub(crate) struct Spm {
    /// The rank of each token; a lower one goes first.
    ranks: Vec<u32>,
    bytes: [u32; 256],
    unknown: Option<u32>,
}

impl Spm {
    pub(crate) fn new(vocabulary: &Vocabulary, scores: &[f32]) -> Self {
        let mut bytes = [NONE; 256];
        let mut unknown = None;
        for token in 0..vocabulary.len() as u32 {
            match vocabulary.kind(token) {
                TokenKind::Byte => bytes[vocabulary.bytes(token)[0] as usize] = token,
                TokenKind::Unknown => unknown = unknown.or(Some(token)),
                _ => {}
            }
        }
        Self { ranks: scores.iter().copied().map(rank).collect(), bytes, unknown }
    }

    /// Encodes a text that already has its leading space, if it gets one.
    pub(crate) fn encode(
        &self,
        vocabulary: &Vocabulary,
        merger: &mut Merger,
        text: &str,
        out: &mut TokenBudget,
    ) -> Result<(), EncodeError> {
        out.check(text.len())?;
        let text = text.replace(' ', "\u{2581}");
        let piece = |start: u32, end: u32| {
            let id = vocabulary.id(&text[start as usize..end as usize])?;
            (vocabulary.kind(id) == TokenKind::Normal).then_some(id)
        };
        merger.clear();
        for (start, letter) in text.char_indices() {
            let (start, end) = (start as u32, (start + letter.len_utf8()) as u32);
            merger.push(end, piece(start, end).unwrap_or(NONE));
        }
        let merged = merger.merge(|left, right| {
            let token = piece(left.start, right.end)?;
            Some(Merge { rank: self.ranks[token as usize], token })
        });
        for symbol in merged {
            match symbol.token {
                NONE => self.fall_back(&text[symbol.start as usize..symbol.end as usize], out)?,
                token => out.push(token)?,
            }
        }
        Ok(())
    }

    fn fall_back(&self, letter: &str, out: &mut TokenBudget) -> Result<(), EncodeError> {
        let bytes = letter.bytes().map(|byte| self.bytes[byte as usize]);
        if bytes.clone().all(|token| token != NONE) {
            return out.extend(bytes);
        }
        let letter = letter.chars().next().unwrap_or_default();
        out.push(self.unknown.ok_or(EncodeError::Unencodable(letter))?)
    }
}

/// Ranks the highest score first: maps the order of floats to that of integers, reversed.
fn rank(score: f32) -> u32 {
    let bits = score.to_bits();
    let ascending = if bits >> 31 == 1 { !bits } else { bits | 1 << 31 };
    !ascending
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_higher_score_has_a_lower_rank() {
        let scores = [f32::INFINITY, 3.0, 0.5, 0.0, -0.5, -259.0, -31_740.0, f32::NEG_INFINITY];
        assert!(scores.map(rank).is_sorted_by(|a, b| a < b));
    }
}
