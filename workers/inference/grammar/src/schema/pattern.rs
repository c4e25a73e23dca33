/// Rewrites a pattern of ECMA-262, which JSON Schema uses, into the parser's syntax where the two differ.
pub(super) fn translate(pattern: &str) -> String {
    const SPACES: &str =
        r"\t\n\x0B\x0C\r\x20\u{A0}\u{1680}\u{2000}-\u{200A}\u{2028}\u{2029}\u{202F}\u{205F}\u{3000}\u{FEFF}";
    let mut translated = String::with_capacity(pattern.len());
    let mut within_class = false;
    let mut rest = pattern.chars();
    while let Some(character) = rest.next() {
        match (character, within_class) {
            ('\\', _) => match rest.next() {
                Some('s') if within_class => translated.push_str(SPACES),
                Some('s') => translated.push_str(&format!("[{SPACES}]")),
                Some('S') => translated.push_str(&format!("[^{SPACES}]")),
                Some('0') => translated.push_str(r"\x00"),
                Some('b') if within_class => translated.push_str(r"\x08"),
                Some(escaped) => translated.extend(['\\', escaped]),
                None => translated.push('\\'),
            },
            ('.', false) => translated.push_str(r"[^\n\r\u{2028}\u{2029}]"),
            ('[', false) => {
                within_class = true;
                translated.push('[');
            }
            (']', true) => {
                within_class = false;
                translated.push(']');
            }
            // Within a class these are letters there and operators here.
            ('[' | '&' | '~', true) => translated.extend(['\\', character]),
            _ => translated.push(character),
        }
    }
    translated
}

#[cfg(test)]
mod tests {
    use super::translate;

    #[test]
    fn what_both_read_alike_stays() {
        for pattern in [r"^[a-z0-9_-]{2,8}$", r"\d+\.\d{2}", "^(a|b)*$", r"\/x\\"] {
            assert_eq!(translate(pattern), pattern);
        }
    }

    #[test]
    fn what_they_read_differently_is_rewritten() {
        assert_eq!(translate("^.$"), r"^[^\n\r\u{2028}\u{2029}]$");
        assert_eq!(translate(r"[a[&&b.]"), r"[a\[\&\&b.]");
        assert!(translate(r"\s").starts_with(r"[\t\n"));
        assert!(translate(r"[x\s]").starts_with(r"[x\t\n"));
    }
}
