//! Normalizes texts to what a reader sees: removes invisible characters, and replaces letters that
//! look like ASCII. A key that is split by a zero-width space or a soft hyphen becomes one key
//! again.

use std::borrow::Cow;

use crate::look_alikes::as_ascii;
use crate::steps;

/// Returns the text without invisible characters, and with look-alikes replaced by ASCII. Escapes
/// that remain after JSON parsing are decoded too. They occur in a text that is JSON itself, such
/// as a call's arguments, or a URL.
pub(crate) fn fold(text: &str) -> Cow<'_, str> {
    steps::count(text.len());
    let plain = |b: &u8| matches!(b, b'\t' | b'\n' | b'\r' | b' '..=b'$' | b'&'..=b'[' | b']'..=b'~');
    let Some(first) = text.bytes().position(|b| !plain(&b)) else { return Cow::Borrowed(text) };
    let mut folded: Option<String> = None;
    // Only ASCII precedes it.
    let mut at = first;
    while let Some((seen, length)) = next(&text[at..]) {
        steps::count(length);
        let kept = as_ascii(seen).or_else(|| (!is_invisible(seen)).then_some(seen));
        if folded.is_none() && (length != seen.len_utf8() || kept != Some(seen)) {
            folded = Some(text[..at].to_owned());
        }
        if let (Some(folded), Some(kept)) = (&mut folded, kept) {
            folded.push(kept);
        }
        at += length;
    }
    folded.map_or(Cow::Borrowed(text), Cow::Owned)
}

/// Returns the next character and its length in bytes.
fn next(text: &str) -> Option<(char, usize)> {
    let first = text.chars().next()?;
    Some(escape(text).unwrap_or((first, first.len_utf8())))
}

/// Decodes an escape of JSON, or one ASCII byte of a URL.
fn escape(text: &str) -> Option<(char, usize)> {
    match text.as_bytes() {
        [b'\\', b'b' | b'f' | b'n' | b'r' | b't', ..] => Some((' ', 2)),
        [b'\\', b'u', ..] => Some((hexadecimal(text.get(2..6)?)?, 6)),
        [b'%', ..] => Some((hexadecimal(text.get(1..3)?).filter(char::is_ascii)?, 3)),
        _ => None,
    }
}

fn hexadecimal(digits: &str) -> Option<char> {
    let sound = digits.bytes().all(|b| b.is_ascii_hexdigit());
    char::from_u32(u32::from_str_radix(digits, 16).ok().filter(|_| sound)?)
}

/// Returns whether a character is invisible: format and control characters, characters that Unicode
/// calls default ignorable, and combining marks.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\0'..='\u{8}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        | '\u{ad}' | '\u{300}'..='\u{36f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{20d0}'..='\u{20f0}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn invisible_characters_are_removed_and_look_alikes_replaced() {
        for (text, expected) in [
            ("a\u{200b}b\u{ad}c\u{2060}d\u{feff}e\u{200d}f\u{fe0f}g\u{e0020}h\0i", "abcdefghi"),
            ("ＡＫ－１", "AK-1"),
            ("\u{1d5d4}\u{1d5ee}\u{1d7ec} \u{1d400}\u{1d433}", "Aa0 Az"),
            ("sk\u{2011}a", "sk-a"),
            ("\u{410}\u{39a}I\u{430}\u{a0}\u{2003}x", "AKIa  x"),
            ("A\u{332}K\u{336}", "AK"),
            ("\\u0041\\u200bK\\nL", "AK L"),
            ("%41K%3d", "AK="),
        ] {
            assert_eq!(fold(text), expected, "{text:?}");
        }
    }

    #[test]
    fn other_texts_stay_as_they_are() {
        for text in [
            "",
            "plain ~!\t\r\n",
            "日本語 é",
            "\\",
            "\\u",
            "\\u00",
            "\\u+041",
            "\\ud800",
            "\\x41",
            "\\uäöü",
            "5 %",
            "%4",
            "%ä",
            "%c3%a4",
        ] {
            assert!(matches!(fold(text), Cow::Borrowed(same) if same == text), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_or_grow(text in "(\\\\u|[0-9a-f]{4}|\u{200b}|ä|.){0,40}") {
            prop_assert!(fold(&text).len() <= text.len());
        }
    }
}
