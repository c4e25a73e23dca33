//! Makes text from outside safe for a terminal: job labels, model output, details of errors, names,
//! log lines.
//!
//! A control character could move the cursor, clear the screen or rename the window. A
//! bidirectional override could make a text read as another one. Both are shown as escapes instead.
//! Each character is escaped on its own, so a sequence that is split over two pieces of a stream is
//! escaped as well.

use std::borrow::Cow;
use std::fmt::Write;

/// Escapes text of several lines: newlines and tabs stay.
#[must_use]
pub fn escape_text(text: &str) -> Cow<'_, str> {
    escape(text, |c| is_unsafe(c) && !matches!(c, '\n' | '\t'), push_escape)
}

/// Escapes text that has to stay on one line, such as the cell of a table or a line of a log.
#[must_use]
pub fn escape_line(text: &str) -> Cow<'_, str> {
    escape(text, is_unsafe, push_escape)
}

/// Escapes a JSON document, which stays the same document. JSON allows these characters only inside
/// strings, except for a carriage return between values, which becomes a space.
#[must_use]
pub fn escape_json(text: &str) -> Cow<'_, str> {
    escape(
        text,
        |c| is_unsafe(c) && !matches!(c, '\n' | '\t'),
        |escaped, c| match c {
            '\r' => escaped.push(' '),
            c => {
                let _ = write!(escaped, "\\u{:04x}", u32::from(c));
            }
        },
    )
}

/// C0 and C1 controls, delete, the line and paragraph separators, and the bidirectional overrides
/// and isolates.
fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn push_escape(escaped: &mut String, c: char) {
    let _ = match c {
        '\n' => escaped.write_str("\\n"),
        '\r' => escaped.write_str("\\r"),
        '\t' => escaped.write_str("\\t"),
        '\0'..='\x7f' => write!(escaped, "\\x{:02x}", u32::from(c)),
        c => write!(escaped, "\\u{{{:x}}}", u32::from(c)),
    };
}

fn escape(text: &str, unsafe_here: impl Fn(char) -> bool, push: impl Fn(&mut String, char)) -> Cow<'_, str> {
    if !text.contains(&unsafe_here) {
        return text.into();
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if unsafe_here(c) { push(&mut escaped, c) } else { escaped.push(c) }
    }
    escaped.into()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn control_characters_and_overrides_are_shown() {
        let text = "a\x1b[2J\u{9b}c\r\n\td\u{202e}e\u{2067}\0\x7f";
        assert_eq!(escape_text(text), "a\\x1b[2J\\u{9b}c\\r\n\td\\u{202e}e\\u{2067}\\x00\\x7f");
        assert_eq!(escape_line("a\n\tb\x07"), "a\\n\\tb\\x07");
    }

    #[test]
    fn every_unsafe_character_is_escaped() {
        let all = (0..=0x1f).chain(0x7f..=0x9f).chain(0x2028..=0x202e).chain(0x2066..=0x2069);
        for c in all.filter_map(char::from_u32) {
            let text = format!("<{c}>");
            assert!(!escape_line(&text).contains(c), "{c:?}");
            assert!(matches!(c, '\n' | '\t') || !escape_text(&text).contains(c), "{c:?}");
        }
    }

    #[test]
    fn a_sequence_that_is_split_is_escaped() {
        let pieces = ["\x1b", "]0;title\x07", "\u{9b}", "2J"];
        assert_eq!(pieces.map(escape_text).concat(), "\\x1b]0;title\\x07\\u{9b}2J");
    }

    #[test]
    fn plain_text_is_not_copied() {
        assert!(matches!(escape_text("plain\ntext, ümläut, 日本"), Cow::Borrowed(_)));
    }

    #[test]
    fn an_escaped_document_is_the_same_document() {
        let document = json!({"a\u{202e}": "\x1b[2J\u{9b}\u{7f}", "b": ["\n\r\t"]});
        let text = format!("\r\n{document}\r\n");
        let escaped = escape_json(&text);
        assert!(escaped.chars().all(|c| !is_unsafe(c) || c == '\n'), "{escaped:?}");
        assert_eq!(serde_json::from_str::<Value>(&escaped).unwrap(), document);
    }
}
