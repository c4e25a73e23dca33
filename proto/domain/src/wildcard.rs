//! The wildcards of the bus: `*` matches one part, and a final `>` matches one or more.

/// Returns whether a pattern matches a text. Both consist of parts joined by dots.
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
