//! Turns rules into text for the parser.

use std::collections::HashSet;
use std::fmt::Write;

use crate::{CallSyntax, GrammarError, Limits, Tool, Vocabulary};

/// Rejects text that is too long, or whose brackets nest too deeply to be parsed recursively.
pub(crate) fn check(kind: &'static str, text: &str, limits: &Limits) -> Result<(), GrammarError> {
    if text.len() > limits.source_bytes {
        return Err(GrammarError::TooLarge { what: kind, found: text.len(), most: limits.source_bytes });
    }
    let mut depth = 0_usize;
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > limits.depth {
            return Err(GrammarError::Syntax {
                kind,
                why: format!("brackets are nested more than {} levels deep", limits.depth),
            });
        }
    }
    Ok(())
}

/// A grammar for calls, or for text that doesn't begin like one; the arguments of tool `i` are the
/// grammar named `tool_i`.
pub(crate) fn of_tools(
    tools: &[Tool],
    syntax: &CallSyntax,
    calls: usize,
    or_text: bool,
    vocabulary: &Vocabulary,
) -> Result<String, GrammarError> {
    if tools.is_empty() || calls == 0 {
        return Err(GrammarError::NoTools);
    }
    let mut names = HashSet::new();
    if let Some(tool) = tools.iter().find(|tool| !is_name(&tool.name) || !names.insert(&tool.name)) {
        return Err(GrammarError::ToolName { name: tool.name.clone() });
    }
    let text = |part: &str| literal(part, vocabulary);
    let (open, close, separator) = (text(&syntax.open), text(&syntax.close), text(&syntax.separator));
    let mut lark = String::new();
    let _ = match or_text {
        true => writeln!(lark, "start: calls | TEXT?\nTEXT: /\\s*[^\\s{{](?s:.*)/"),
        false => writeln!(lark, "start: calls"),
    };
    let more = calls - 1;
    let _ = match more {
        0 => writeln!(lark, "calls: {open} call {close}"),
        _ => writeln!(lark, "calls: {open} call more{{0,{more}}} {close}\nmore: {separator} call"),
    };
    let choices: Vec<String> = (0..tools.len()).map(|index| format!("call_{index}")).collect();
    let _ = writeln!(lark, "call: {}", choices.join(" | "));
    for (index, tool) in tools.iter().enumerate() {
        let before = text(&format!("{}{}{}", syntax.before, tool.name, syntax.between));
        let _ = writeln!(lark, "call_{index}: {before} @tool_{index} {}", text(&syntax.after));
    }
    Ok(lark)
}

fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// Renders text as literals, with control tokens by their ids.
fn literal(text: &str, vocabulary: &Vocabulary) -> String {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let next = vocabulary
            .control
            .iter()
            .filter(|(_, name)| !name.is_empty())
            .filter_map(|(token, name)| {
                rest.find(name.as_str()).map(|at| (at, std::cmp::Reverse(name.len()), *token))
            })
            .min();
        let (plain, control) = match next {
            Some((at, length, token)) => (at, Some((length.0, token))),
            None => (rest.len(), None),
        };
        if plain > 0 {
            parts.push(serde_json::Value::from(&rest[..plain]).to_string());
        }
        rest = &rest[plain..];
        if let Some((length, token)) = control {
            parts.push(format!("<[{token}]>"));
            rest = &rest[length..];
        }
    }
    if parts.is_empty() { "\"\"".to_owned() } else { parts.join(" ") }
}
