//! The bus's wildcards: `*` stands for one part, a last `>` for one or more.

/// Whether a pattern takes a text; both are parts joined by dots.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = text.split('.');
    for wanted in pattern.split('.') {
        match (wanted, parts.next()) {
            (">", Some(_)) => return true,
            ("*", Some(_)) => {}
            (wanted, Some(part)) if wanted == part => {}
            _ => return false,
        }
    }
    parts.next().is_none()
}
