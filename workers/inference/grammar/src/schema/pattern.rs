//! Translates the patterns of JSON Schema, which are those of ECMA-262, to the parser's syntax,
//! which has no look-around.
//!
//! The parser accepts patterns without zero-width assertions (`^`, `$`, `\b`, look-ahead and
//! look-behind) that match a complete text. [`assertions`] eliminates those that see one character,
//! and leaves repetition counts unchanged. An assertion that looks ahead from the beginning or back
//! from the end is a condition on the complete text, so it becomes a separate pattern. For the
//! rest, [`dfa`] builds an automaton, and [`elimination`] turns it back into a pattern.

mod assertions;
mod ast;
mod budget;
mod dfa;
mod elimination;
mod parse;
mod print;

use assertions::{Parts, split_into_sequences};
use ast::{Ast, Look};
pub(super) use budget::Budget;
use dfa::dfa;

/// Why a pattern is not supported.
type Fault = String;

/// Returns patterns without assertions. A text in which `source` matches somewhere is matched
/// completely by all of them.
pub(super) fn all(source: &str, budget: &mut Budget) -> Result<Vec<String>, Fault> {
    let whole = whole_text(source)?;
    let all = without_automaton(&whole, budget).or_else(|| Some(vec![by_dfa(&[whole], true, budget)?]));
    Ok(all.ok_or(TOO_MUCH)?)
}

/// Returns one such pattern.
pub(super) fn one(source: &str, budget: &mut Budget) -> Result<String, Fault> {
    let whole = whole_text(source)?;
    let only = without_automaton(&whole, budget).filter(|all| all.len() == 1).map(|all| all.concat());
    Ok(only.or_else(|| by_dfa(&[whole], true, budget)).ok_or(TOO_MUCH)?)
}

/// Returns one pattern for the texts that all of these match, or `None` if it would be too large.
pub(super) fn both(patterns: &[String], budget: &mut Budget) -> Option<String> {
    let all = patterns.iter().map(|pattern| whole_text(pattern).ok()).collect::<Option<Vec<_>>>()?;
    by_dfa(&all, true, budget)
}

/// Returns a pattern for the texts that this one doesn't match, or `None` if it would be too large.
pub(super) fn but(pattern: &str, budget: &mut Budget) -> Option<String> {
    by_dfa(&[whole_text(pattern).ok()?], false, budget)
}

const TOO_MUCH: &str = "its look-around takes too much work";

/// Returns the pattern with any text before and after it.
fn whole_text(source: &str) -> Result<Ast, Fault> {
    Ok(Ast::sequence([Ast::any(), parse::parse(source)?, Ast::any()]))
}

fn by_dfa(patterns: &[Ast], holds: bool, budget: &mut Budget) -> Option<String> {
    let dfa = dfa(patterns, holds, budget)?;
    elimination::pattern(&dfa, budget).map(|ast| print::print(&ast))
}

/// Eliminates assertions without an automaton. Returns `None` if one is in a place where that isn't
/// possible.
fn without_automaton(whole: &Ast, budget: &mut Budget) -> Option<Vec<String>> {
    let mut sequences = split_into_sequences(whole, budget)?;
    if !sequences.iter().flatten().any(Ast::has_assertion) {
        let options = sequences.into_iter().rev().map(Ast::sequence);
        return Some(vec![print::print(&Ast::choice(options))]);
    }
    let parts = sequences.pop().filter(|_| sequences.is_empty())?;
    let first = parts.iter().position(|part| !matches!(part, Ast::Look(_))).unwrap_or(parts.len());
    let last = parts.iter().rposition(|part| !matches!(part, Ast::Look(_))).map_or(first, |last| last + 1);
    let mut patterns = vec![print::print(&Ast::sequence(plain(&parts[first..last])?))];
    for (place, part) in parts.iter().enumerate() {
        let Ast::Look(Look::Around { ahead, holds, of }) = part else { continue };
        let of = (**of).clone();
        let whole = match ahead {
            true if place < first => Ast::sequence([of, Ast::any()]),
            false if place >= last => Ast::sequence([Ast::any(), of]),
            _ => return None,
        };
        let anchored = Ast::sequence([Ast::Look(Look::Start), whole, Ast::Look(Look::End)]);
        match holds {
            true => patterns.extend(without_automaton(&anchored, budget)?),
            false => patterns.push(by_dfa(&[anchored], false, budget)?),
        }
    }
    Some(patterns)
}

/// Returns the parts if no assertion is among them.
fn plain(parts: &[Ast]) -> Option<Parts> {
    (!parts.iter().any(Ast::has_assertion)).then(|| parts.to_vec())
}

/// Returns one pattern for the texts that any of these matches. Each must come from this module, so
/// that it matches complete texts.
pub(super) fn join(patterns: &[String]) -> String {
    let all =
        patterns.iter().map(|pattern| pattern.trim_start_matches('^').strip_suffix('$').unwrap_or(pattern));
    format!("^(?:{})$", all.collect::<Vec<_>>().join("|"))
}

#[cfg(test)]
mod tests;
