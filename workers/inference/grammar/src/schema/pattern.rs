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

/// One pattern for what any of these matches somewhere. The parser knows anchors only at both ends of the whole.
pub(super) fn join(patterns: &[String]) -> String {
    let all = patterns.iter().flat_map(|pattern| alternatives(pattern)).map(whole);
    format!("^(?:{})$", all.collect::<Vec<_>>().join("|"))
}

/// The parts of a pattern between the bars that no bracket encloses.
fn alternatives(pattern: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut depth, mut within_class, mut escaped) = (0, 0, false, false);
    for (at, letter) in pattern.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' => within_class = true,
            ']' => within_class = false,
            '(' if !within_class => depth += 1,
            ')' if !within_class => depth -= 1,
            '|' if !within_class && depth == 0 => {
                parts.push(&pattern[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&pattern[start..]);
    parts
}

/// What matches from beginning to end where this matches somewhere.
fn whole(part: &str) -> String {
    let (begins, rest) = part.strip_prefix('^').map_or(("(?s:.*)", part), |rest| ("", rest));
    let slashes = |text: &str| text.len() - text.trim_end_matches('\\').len();
    let (rest, ends) = match rest.strip_suffix('$') {
        Some(rest) if slashes(rest) % 2 == 0 => (rest, ""),
        _ => (rest, "(?s:.*)"),
    };
    format!("{begins}(?:{rest}){ends}")
}

#[cfg(test)]
mod tests {
    use super::{join, translate};

    #[test]
    fn patterns_are_joined_with_their_anchors() {
        let joined = join(&["^a|b$".to_owned(), "[|]\\$".to_owned()]);
        assert_eq!(joined, r"^(?:(?:a)(?s:.*)|(?s:.*)(?:b)|(?s:.*)(?:[|]\$)(?s:.*))$");
    }

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
