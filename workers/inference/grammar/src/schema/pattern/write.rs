//! Writes a pattern without looks in the syntax of the crate `regex`.

use std::fmt::Write;

use regex_syntax::hir::ClassUnicode;

use super::tree::Tree;

/// A pattern that matches the same texts from beginning to end.
pub(super) fn write(tree: &Tree) -> String {
    let mut text = String::from("^");
    match tree {
        Tree::Choice(options) if !options.is_empty() => grouped(tree, &mut text),
        _ => part(tree, &mut text),
    }
    text.push('$');
    text
}

fn part(tree: &Tree, into: &mut String) {
    match tree {
        Tree::Chars(set) => chars(set, into),
        Tree::Sequence(parts) => parts.iter().for_each(|one| match one {
            Tree::Choice(_) => grouped(one, into),
            _ => part(one, into),
        }),
        // No text at all.
        Tree::Choice(options) if options.is_empty() => into.push_str(r"[^\x00-\u{10FFFF}]"),
        Tree::Choice(options) => options.iter().enumerate().for_each(|(place, option)| {
            if place > 0 {
                into.push('|');
            }
            part(option, into);
        }),
        Tree::Repeat { of, least, most } => {
            match &**of {
                Tree::Chars(set) => chars(set, into),
                _ => grouped(of, into),
            }
            let _ = match (least, most) {
                (0, None) => write!(into, "*"),
                (1, None) => write!(into, "+"),
                (0, Some(1)) => write!(into, "?"),
                (least, None) => write!(into, "{{{least},}}"),
                (least, Some(most)) if least == most => write!(into, "{{{least}}}"),
                (least, Some(most)) => write!(into, "{{{least},{most}}}"),
            };
        }
        Tree::Look(_) => {}
    }
}

fn grouped(tree: &Tree, into: &mut String) {
    into.push_str("(?:");
    part(tree, into);
    into.push(')');
}

fn chars(set: &ClassUnicode, into: &mut String) {
    match set.ranges() {
        [all] if all.start() == '\0' && all.end() == char::MAX => into.push_str("(?s:.)"),
        [one] if one.start() == one.end() => into.push_str(&letter(one.start())),
        ranges => {
            let is_shorter_without = ranges.last().is_some_and(|last| last.end() == char::MAX);
            let mut set = set.clone();
            into.push('[');
            if is_shorter_without {
                set.negate();
                into.push('^');
            }
            for range in set.ranges() {
                into.push_str(&letter(range.start()));
                if range.start() < range.end() {
                    into.push('-');
                    into.push_str(&letter(range.end()));
                }
            }
            into.push(']');
        }
    }
}

fn letter(letter: char) -> String {
    match letter {
        letter if letter.is_ascii_alphanumeric() => letter.to_string(),
        '_' | '<' | '>' | ' ' | '"' | '\'' | ',' | ':' | ';' | '=' | '@' | '!' | '%' | '`' => {
            letter.to_string()
        }
        letter if letter.is_ascii_punctuation() => format!("\\{letter}"),
        '\n' => r"\n".to_owned(),
        '\r' => r"\r".to_owned(),
        '\t' => r"\t".to_owned(),
        letter if letter.is_alphanumeric() => letter.to_string(),
        letter => format!("\\u{{{:X}}}", letter as u32),
    }
}
