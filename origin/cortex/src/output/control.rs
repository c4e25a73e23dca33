//! Text from elsewhere, made safe for a terminal.

use std::borrow::Cow;

/// The text without anything that a terminal would obey; lines stay lines.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    let obeyed = |c: char| c.is_control() && c != '\n';
    if text.contains(obeyed) { text.replace(obeyed, "\u{fffd}").into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_told_nothing() {
        assert_eq!(printable("a\x1b[2Jb\u{9b}c\r\nd"), "a\u{fffd}[2Jb\u{fffd}c\u{fffd}\nd");
        assert!(matches!(printable("plain\ntext"), Cow::Borrowed(_)));
    }
}
