//! Quotes of a caller's text in error messages.

use crate::secrets;

/// The replacement of a text that must not be repeated.
pub const HIDDEN: &str = "***";

/// The longest text that is quoted completely, in characters.
const MAX_QUOTE: usize = 64;

/// Returns a text in backticks on one line. Truncates a long text, and hides one that contains a
/// secret.
pub fn quoted(text: &str) -> String {
    format!("`{}`", cut(text))
}

/// Returns a text on one line. Truncates a long text, and hides one that contains a secret.
pub fn cut(text: &str) -> String {
    if secrets::kind(text).is_some() {
        return HIDDEN.to_owned();
    }
    let mut cut: String =
        text.chars().take(MAX_QUOTE).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(MAX_QUOTE).is_some() {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_and_a_wild_one_tamed() {
        assert_eq!(quoted("a\nb\u{7}"), "`a b `");
        assert_eq!(quoted(&"ä".repeat(64)), format!("`{}`", "ä".repeat(64)));
        assert_eq!(quoted(&"ä".repeat(1 << 20)), format!("`{}…`", "ä".repeat(64)));
        assert_eq!(quoted("my AKIAIOSFODNN7EXAMPLE"), "`***`");
    }
}
