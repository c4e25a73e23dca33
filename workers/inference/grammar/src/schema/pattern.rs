//! Patterns of JSON Schema, which are those of ECMA-262, in the parser's syntax, which has no looks.

mod beside;
mod path;
mod read;
mod states;
mod tree;
mod write;

use beside::{Parts, settle};
use states::machine;
use tree::{Look, Tree};

/// Why a pattern can't be kept.
type Fault = String;

/// Patterns without looks, all of which match the texts that a pattern matches somewhere, from beginning to end.
pub(super) fn all(source: &str) -> Result<Vec<String>, Fault> {
    let whole = whole_text(source)?;
    Ok(taken_apart(&whole).or_else(|| by_machine(&[whole], true).map(|only| vec![only])).ok_or(TOO_MUCH)?)
}

/// The same as one pattern.
pub(super) fn one(source: &str) -> Result<String, Fault> {
    let mut all = all(source)?;
    match all.len() {
        1 => Ok(all.swap_remove(0)),
        _ => Ok(by_machine(&[whole_text(source)?], true).ok_or(TOO_MUCH)?),
    }
}

/// One pattern for the texts that all of these match, as far as it can be written.
pub(super) fn both(patterns: &[String]) -> Option<String> {
    let trees = patterns.iter().map(|pattern| whole_text(pattern).ok()).collect::<Option<Vec<_>>>()?;
    by_machine(&trees, true)
}

/// A pattern for the texts that this one doesn't match, as far as it can be written.
pub(super) fn but(pattern: &str) -> Option<String> {
    by_machine(&[whole_text(pattern).ok()?], false)
}

const TOO_MUCH: &str = "its look-around takes too much to be kept without";

/// The pattern with what may stand around what it matches.
fn whole_text(source: &str) -> Result<Tree, Fault> {
    Ok(Tree::sequence([Tree::any(), read::read(source)?, Tree::any()]))
}

fn by_machine(patterns: &[Tree], holds: bool) -> Option<String> {
    machine(patterns, holds).and_then(|machine| path::pattern(&machine)).map(|tree| write::write(&tree))
}

/// Takes looks out without a machine, as those at the beginning or at the end can be: they hold of the whole text.
fn taken_apart(whole: &Tree) -> Option<Vec<String>> {
    let mut sequences = settle(whole)?;
    if !sequences.iter().flatten().any(Tree::looks) {
        let options = sequences.into_iter().rev().map(Tree::sequence);
        return Some(vec![write::write(&Tree::choice(options))]);
    }
    let parts = sequences.pop().filter(|_| sequences.is_empty())?;
    let first = parts.iter().position(|part| !matches!(part, Tree::Look(_))).unwrap_or(parts.len());
    let last = parts.iter().rposition(|part| !matches!(part, Tree::Look(_))).map_or(first, |last| last + 1);
    let mut patterns = vec![write::write(&Tree::sequence(plain(&parts[first..last])?))];
    for (place, part) in parts.iter().enumerate() {
        let Tree::Look(Look::Around { ahead, holds, of }) = part else { continue };
        let of = (**of).clone();
        let whole = match ahead {
            true if place < first => Tree::sequence([of, Tree::any()]),
            false if place >= last => Tree::sequence([Tree::any(), of]),
            _ => return None,
        };
        let anchored = Tree::sequence([Tree::Look(Look::Start), whole, Tree::Look(Look::End)]);
        match holds {
            true => patterns.extend(taken_apart(&anchored)?),
            false => patterns.push(by_machine(&[anchored], false)?),
        }
    }
    Some(patterns)
}

/// The parts, if there is no look among them.
fn plain(parts: &[Tree]) -> Option<Parts> {
    (!parts.iter().any(Tree::looks)).then(|| parts.to_vec())
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
mod tests;
