//! Where in a JSON text an answer is, to hold back what a grammar can't: numbers that a double doesn't hold as they are written,
//! such as `1e999` or twenty digits, and nesting that readers refuse.

use crate::mask::Mask;

/// A double holds every number of so many digits so that it can be written out again as it was.
const MOST_DIGITS: u16 = 15;
/// A double holds all whole numbers up to here.
const MOST_WHOLE: u64 = (1 << 53) - 1;
const MOST_EXPONENT_DIGITS: u16 = 2;
/// Half of what `serde_json` and most other readers take.
const DEEPEST: u16 = 64;

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
    /// At the beginning of what is JSON only if it begins as an object.
    Unknown,
    /// In text that is none.
    Other,
    String,
    Escape,
    Whole(u64),
    /// Digits before and after the point.
    Fraction(u16),
    Exponent(u16),
}

impl JsonText {
    /// Of what is JSON only if it begins as an object.
    pub(crate) fn or_other() -> Self {
        Self { within: Within::Unknown, depth: 0 }
    }

    /// Reads on; false where the text becomes one that readers refuse.
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
            Within::Whole(value) => value <= MOST_WHOLE,
            // After a point comes a digit.
            Within::Fraction(count) => count < MOST_DIGITS || count == MOST_DIGITS && byte != b'.',
            Within::Exponent(count) => count <= MOST_EXPONENT_DIGITS,
            _ => self.depth <= DEEPEST,
        }
    }
}

fn digits(value: u64) -> u16 {
    value.checked_ilog10().map_or(1, |log| log as u16 + 1)
}

/// The tokens that may make a JSON text unreadable.
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

    /// Takes tokens out of the mask that would make the text unreadable, unless none would be left.
    pub(crate) fn narrow(&self, text: JsonText, tokens: &[Vec<u8>], mask: &mut Mask, scratch: &mut Vec<u32>) {
        if matches!(text.within, Within::String | Within::Escape | Within::Unknown | Within::Other) {
            // What follows a string within one token is short of any limit but that of depth, which is a soft one.
            return;
        }
        self.refuse(&self.digits, text, tokens, mask, scratch);
        if text.depth + 16 > DEEPEST {
            self.refuse(&self.openers, text, tokens, mask, scratch);
        }
    }

    fn refuse(
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
            mask.refuse(token);
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
    fn what_readers_refuse_is_told_from_what_they_take() {
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
    fn the_last_way_on_stays_open() {
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
