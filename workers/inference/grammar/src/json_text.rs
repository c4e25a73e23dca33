//! Tracks the position of an answer within its JSON text, to prevent what a grammar can't: numbers
//! that a double can't represent as written, such as `1e999` or ones with twenty digits, and
//! nesting that readers reject.

use crate::mask::Mask;

/// A double preserves every number with this many digits.
const MAX_DIGITS: u16 = 15;
/// A double preserves all integers up to this one.
const MAX_EXACT_INTEGER: u64 = (1 << 53) - 1;
const MAX_EXPONENT_DIGITS: u16 = 2;
/// Half the limit of `serde_json` and most other readers.
const MAX_DEPTH: u16 = 64;

/// The state after the text so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct JsonText {
    within: Within,
    depth: u16,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Within {
    #[default]
    Structure,
    /// At the beginning of text that is only JSON if it begins with an object.
    Unknown,
    /// In text that isn't JSON.
    Other,
    String,
    Escape,
    Whole(u64),
    /// The number of digits before and after the decimal point.
    Fraction(u16),
    Exponent(u16),
}

impl JsonText {
    /// For text that is only JSON if it begins with an object.
    pub(crate) fn or_other() -> Self {
        Self { within: Within::Unknown, depth: 0 }
    }

    /// Advances by the bytes; false if they make the text one that readers reject.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> bool {
        let mut fits = true;
        for &byte in bytes {
            fits &= self.step(byte);
        }
        fits
    }

    fn step(&mut self, byte: u8) -> bool {
        self.within = match (self.within, byte) {
            (Within::Unknown, b' ' | b'\t' | b'\r' | b'\n') => Within::Unknown,
            (Within::Unknown, byte) if byte != b'{' => Within::Other,
            (Within::Other, _) => Within::Other,
            (Within::String, b'\\') => Within::Escape,
            (Within::String, b'"') => Within::Structure,
            (Within::String | Within::Escape, _) => Within::String,
            (_, b'"') => Within::String,
            (Within::Whole(_) | Within::Fraction(_), b'e' | b'E') => Within::Exponent(0),
            (Within::Whole(value), b'0'..=b'9') => {
                Within::Whole(value.saturating_mul(10).saturating_add(u64::from(byte - b'0')))
            }
            (Within::Whole(value), b'.') => Within::Fraction(digits(value)),
            (Within::Fraction(count), b'0'..=b'9') => Within::Fraction(count.saturating_add(1)),
            (Within::Exponent(count), b'0'..=b'9') => Within::Exponent(count.saturating_add(1)),
            (Within::Exponent(count), b'+' | b'-') => Within::Exponent(count),
            (_, b'0'..=b'9') => Within::Whole(u64::from(byte - b'0')),
            _ => Within::Structure,
        };
        match (self.within, byte) {
            (Within::Structure, b'{' | b'[') => self.depth = self.depth.saturating_add(1),
            (Within::Structure, b'}' | b']') => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        match self.within {
            Within::Whole(value) => value <= MAX_EXACT_INTEGER,
            // A digit must follow a decimal point.
            Within::Fraction(count) => count < MAX_DIGITS || count == MAX_DIGITS && byte != b'.',
            Within::Exponent(count) => count <= MAX_EXPONENT_DIGITS,
            _ => self.depth <= MAX_DEPTH,
        }
    }
}

fn digits(value: u64) -> u16 {
    value.checked_ilog10().map_or(1, |log| log as u16 + 1)
}

/// The tokens that can make a JSON text unreadable.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    digits: Mask,
    openers: Mask,
}

impl Watched {
    pub(crate) fn new(tokens: &[Vec<u8>]) -> Self {
        let words = tokens.len().div_ceil(32);
        let (mut digits, mut openers) = (Mask::none(words), Mask::none(words));
        for (token, bytes) in tokens.iter().enumerate() {
            if bytes.iter().any(u8::is_ascii_digit) {
                digits.allow(token as u32);
            }
            if bytes.iter().any(|byte| matches!(byte, b'{' | b'[')) {
                openers.allow(token as u32);
            }
        }
        Self { digits, openers }
    }

    /// Removes tokens from the mask that would make the text unreadable, unless that would leave
    /// none.
    pub(crate) fn narrow(&self, text: JsonText, tokens: &[Vec<u8>], mask: &mut Mask, scratch: &mut Vec<u32>) {
        if matches!(text.within, Within::String | Within::Escape | Within::Unknown | Within::Other) {
            // What follows a string within one token is too short to exceed any limit except depth,
            // which is a soft one.
            return;
        }
        self.disallow(&self.digits, text, tokens, mask, scratch);
        if text.depth + 16 > MAX_DEPTH {
            self.disallow(&self.openers, text, tokens, mask, scratch);
        }
    }

    fn disallow(
        &self,
        watched: &Mask,
        text: JsonText,
        tokens: &[Vec<u8>],
        mask: &mut Mask,
        scratch: &mut Vec<u32>,
    ) {
        mask.both(watched, scratch);
        scratch.retain(|&token| {
            let mut after = text;
            !after.read(&tokens[token as usize])
        });
        if scratch.is_empty() {
            return;
        }
        for &token in scratch.iter() {
            mask.disallow(token);
        }
        if mask.is_empty() {
            for &token in scratch.iter() {
                mask.allow(token);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(text: &str) -> bool {
        JsonText::default().read(text.as_bytes())
    }

    #[test]
    fn text_that_readers_reject_is_detected() {
        for text in [
            "1e99",
            "-1.5E-42",
            r#"{"a":[1,2.5e3,"1e999","\"9e999"]}"#,
            &"[".repeat(64),
            "-99999999999999.9",
            "-9007199254740991",
        ] {
            assert!(fits(text), "{text}");
        }
        for text in [
            "1e999",
            "1.0E+100",
            r#"{"a": 3e123"#,
            &"[".repeat(65),
            "9007199254740992",
            &"9".repeat(40),
            "123456789012345.",
            "0.1234567890123456",
        ] {
            assert!(!fits(text), "{text}");
        }
    }

    #[test]
    fn the_last_allowed_token_stays_allowed() {
        let tokens: Vec<Vec<u8>> = [&b"999"[..], b"9", b","].iter().map(|token| token.to_vec()).collect();
        let watched = Watched::new(&tokens);
        let mut text = JsonText::default();
        text.read(b"1e9");
        let mut mask = Mask::none(1);
        (0..3).for_each(|token| mask.allow(token));
        watched.narrow(text, &tokens, &mut mask, &mut Vec::new());
        assert_eq!(mask.words(), [0b110]);
        let mut only = Mask::none(1);
        only.allow(0);
        watched.narrow(text, &tokens, &mut only, &mut Vec::new());
        assert_eq!(only.words(), [0b001]);
    }
}
