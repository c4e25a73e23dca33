//! Prints a pattern without assertions in the syntax of the crate `regex`.

use std::fmt::Write;

use regex_syntax::hir::ClassUnicode;

use super::ast::Ast;

/// Returns a pattern that matches complete texts.
pub(super) fn print(ast: &Ast) -> String {
    let mut text = String::from("^");
    match ast {
        Ast::Choice(options) if !options.is_empty() => grouped(ast, &mut text),
        _ => part(ast, &mut text),
    }
    text.push('$');
    text
}

fn part(ast: &Ast, into: &mut String) {
    match ast {
        Ast::Chars(set) => chars(set, into),
        Ast::Sequence(parts) => parts.iter().for_each(|one| match one {
            Ast::Choice(_) => grouped(one, into),
            _ => part(one, into),
        }),
        Ast::Choice(options) if options.is_empty() => into.push_str(r"[^\x00-\u{10FFFF}]"),
        Ast::Choice(options) => options.iter().enumerate().for_each(|(place, option)| {
            if place > 0 {
                into.push('|');
            }
            part(option, into);
        }),
        Ast::Repeat { of, least, most } => {
            match &**of {
                Ast::Chars(set) => chars(set, into),
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
        Ast::Look(_) => {}
    }
}

fn grouped(ast: &Ast, into: &mut String) {
    into.push_str("(?:");
    part(ast, into);
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
