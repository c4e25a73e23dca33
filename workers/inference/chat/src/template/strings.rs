//! Python's string operations, where Rust's behave differently.

/// `str.isspace` for one character.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// Which ends to strip.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    Both,
    Left,
    Right,
}

/// `str.strip`, `lstrip` and `rstrip`: of whitespace, or of any of the given characters.
pub(super) fn strip<'t>(text: &'t str, chars: Option<&str>, ends: Ends) -> &'t str {
    let drop = |c: char| chars.map_or_else(|| is_space(c), |chars| chars.contains(c));
    let text = if ends == Ends::Right { text } else { text.trim_start_matches(drop) };
    if ends == Ends::Left { text } else { text.trim_end_matches(drop) }
}

/// `str.split(separator, limit)`; `None` splits at runs of whitespace and drops empty parts. The
/// separator must not be empty.
pub(super) fn split(text: &str, separator: Option<&str>, limit: Option<usize>) -> Vec<String> {
    let limit = limit.unwrap_or(usize::MAX);
    if let Some(separator) = separator {
        return text.splitn(limit.saturating_add(1), separator).map(str::to_owned).collect();
    }
    let mut parts = Vec::new();
    let mut rest = strip(text, None, Ends::Left);
    while !rest.is_empty() {
        if parts.len() == limit {
            parts.push(rest.to_owned());
            break;
        }
        let end = rest.find(is_space).unwrap_or(rest.len());
        parts.push(rest[..end].to_owned());
        rest = strip(&rest[end..], None, Ends::Left);
    }
    parts
}

/// `str.rsplit(separator, limit)`.
pub(super) fn split_from_right(text: &str, separator: Option<&str>, limit: Option<usize>) -> Vec<String> {
    let limit = limit.unwrap_or(usize::MAX);
    let mut parts: Vec<String> = Vec::new();
    if let Some(separator) = separator {
        parts = text.rsplitn(limit.saturating_add(1), separator).map(str::to_owned).collect();
    } else {
        let mut rest = strip(text, None, Ends::Right);
        while !rest.is_empty() {
            if parts.len() == limit {
                parts.push(rest.to_owned());
                break;
            }
            let start =
                rest.char_indices().rev().find(|(_, c)| is_space(*c)).map_or(0, |(at, c)| at + c.len_utf8());
            parts.push(rest[start..].to_owned());
            rest = strip(&rest[..start], None, Ends::Right);
        }
    }
    parts.reverse();
    parts
}

/// `str.splitlines`.
pub(super) fn lines(text: &str, keep_ends: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let mut chars = text.char_indices().peekable();
    let mut start = 0;
    while let Some((at, c)) = chars.next() {
        let breaks = matches!(
            c,
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
        );
        if !breaks {
            continue;
        }
        let mut end = at + c.len_utf8();
        if c == '\r' && chars.next_if(|(_, next)| *next == '\n').is_some() {
            end += 1;
        }
        lines.push(text[start..if keep_ends { end } else { at }].to_owned());
        start = end;
    }
    if start < text.len() {
        lines.push(text[start..].to_owned());
    }
    lines
}

/// Jinja's `indent`: indents every line except the first and empty ones, unless `first` or `blank`
/// is set.
pub(super) fn indent(text: &str, with: &str, first: bool, blank: bool) -> String {
    let lines = lines(&format!("{text}\n"), false);
    let mut out = if first { with.to_owned() } else { String::new() };
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            out.push('\n');
            if blank || !line.is_empty() {
                out.push_str(with);
            }
        }
        out.push_str(line);
    }
    out
}

/// `str.capitalize`.
pub(super) fn capitalize(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| {
        first.to_uppercase().chain(chars.as_str().to_lowercase().chars()).collect()
    })
}
