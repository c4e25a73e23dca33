//! Eliminates assertions that see one character by narrowing the adjacent parts. Repetition counts
//! stay unchanged.

use regex_syntax::hir::ClassUnicode;

use super::ast::{Ast, Look, all, but, letters};
use super::budget::Budget;

/// How many sequences a pattern may be split into.
const MAX_SEQUENCES: usize = 128;

/// Consecutive parts. The only assertions among them see more than one character.
pub(super) type Parts = Vec<Ast>;

/// Splits a pattern into alternative sequences. Returns `None` if there are too many, or if an
/// assertion is repeated.
pub(super) fn split_into_sequences(ast: &Ast, budget: &mut Budget) -> Option<Vec<Parts>> {
    let mut open = vec![vec![ast.clone()]];
    let mut settled = Vec::new();
    while let Some(parts) = open.pop() {
        if open.len() + settled.len() > MAX_SEQUENCES {
            return None;
        }
        match split(&parts, budget)? {
            SplitStep::Split(more) => open.extend(more),
            SplitStep::Done => settled.push(parts),
        }
    }
    Some(settled)
}

/// The result of one step.
enum SplitStep {
    /// There is nothing left to eliminate.
    Done,
    /// Any of these may match instead.
    Split(Vec<Parts>),
}

/// Eliminates the first assertion that sees one character, or moves one out of a group.
fn split(parts: &[Ast], budget: &mut Budget) -> Option<SplitStep> {
    if parts.iter().any(Ast::has_assertion) {
        budget.spend(size(parts))?;
    }
    for (place, part) in parts.iter().enumerate() {
        let with = |within: &[Ast]| [&parts[..place], within, &parts[place + 1..]].concat();
        match part {
            Ast::Sequence(within) => return Some(SplitStep::Split(vec![with(within)])),
            part if !part.has_assertion() => {}
            Ast::Choice(options) => {
                return Some(SplitStep::Split(
                    options.iter().map(|option| with(std::slice::from_ref(option))).collect(),
                ));
            }
            Ast::Repeat { of, least: 0, most: Some(1) } => {
                return Some(SplitStep::Split(vec![with(&[]), with(std::slice::from_ref(&**of))]));
            }
            Ast::Repeat { .. } => return None,
            _ => {}
        }
    }
    for (place, part) in parts.iter().enumerate() {
        let Ast::Look(look) = part else { continue };
        let (before, after) = (&parts[..place], &parts[place + 1..]);
        match look {
            Look::Start => {
                let before = Neighbour::edge().of(before, Side::Behind, budget)?;
                return Some(SplitStep::Split(pairs(&before, &[after.to_vec()], budget)?));
            }
            Look::End => {
                let after = Neighbour::edge().of(after, Side::Ahead, budget)?;
                return Some(SplitStep::Split(pairs(&[before.to_vec()], &after, budget)?));
            }
            Look::Boundary { holds } => {
                let word = Neighbour { set: letters(), edge: false };
                let other = word.opposite();
                let sides = if *holds {
                    [(&word, &other), (&other, &word)]
                } else {
                    [(&word, &word), (&other, &other)]
                };
                let mut both = Vec::new();
                for (left, right) in sides {
                    let before = left.of(before, Side::Behind, budget)?;
                    let after = right.of(after, Side::Ahead, budget)?;
                    both.extend(pairs(&before, &after, budget)?);
                }
                return Some(SplitStep::Split(both));
            }
            Look::Around { ahead: is_ahead, holds, of } => {
                let Some(beside) = Neighbour::read(of, *is_ahead) else { continue };
                let beside = if *holds { beside } else { beside.opposite() };
                let (before, after) = match is_ahead {
                    true => (vec![before.to_vec()], beside.of(after, Side::Ahead, budget)?),
                    false => (beside.of(before, Side::Behind, budget)?, vec![after.to_vec()]),
                };
                return Some(SplitStep::Split(pairs(&before, &after, budget)?));
            }
        }
    }
    Some(SplitStep::Done)
}

/// Combines what may be before a position with what may be after it.
fn pairs(before: &[Parts], after: &[Parts], budget: &mut Budget) -> Option<Vec<Parts>> {
    if before.len() * after.len() > MAX_SEQUENCES {
        return None;
    }
    let mut joined = Vec::with_capacity(before.len() * after.len());
    for before in before {
        for after in after {
            budget.spend(size(before) + size(after))?;
            joined.push([before.as_slice(), after].concat());
        }
    }
    Some(joined)
}

fn size(parts: &[Ast]) -> usize {
    parts.iter().map(Ast::size).sum()
}

#[derive(Clone, Copy)]
enum Side {
    Ahead,
    Behind,
}

/// What may be next to a position: a character of a set, or the edge of the text.
#[derive(Clone)]
struct Neighbour {
    set: ClassUnicode,
    edge: bool,
}

impl Neighbour {
    fn edge() -> Self {
        Self { set: ClassUnicode::empty(), edge: true }
    }

    fn opposite(&self) -> Self {
        Self { set: but(self.set.clone()), edge: !self.edge }
    }

    /// Reads the body of a look-around. Returns `None` if it sees more than one character.
    fn read(ast: &Ast, is_ahead: bool) -> Option<Self> {
        match ast {
            Ast::Chars(set) => Some(Self { set: set.clone(), edge: false }),
            Ast::Look(Look::End) if is_ahead => Some(Self::edge()),
            Ast::Look(Look::Start) if !is_ahead => Some(Self::edge()),
            Ast::Sequence(parts) if parts.is_empty() => Some(Self { set: all(), edge: true }),
            Ast::Choice(options) => {
                let mut found = Self { set: ClassUnicode::empty(), edge: false };
                for option in options {
                    let Self { set, edge } = Self::read(option, is_ahead)?;
                    found.set.union(&set);
                    found.edge |= edge;
                }
                Some(found)
            }
            _ => None,
        }
    }

    /// Narrows the parts to those with this at their beginning or end.
    fn of(&self, parts: &[Ast], side: Side, budget: &mut Budget) -> Option<Vec<Parts>> {
        let mut found = self.begun(parts, side, budget)?;
        if self.edge && parts.iter().all(Ast::is_nullable) {
            found.push(parts.iter().filter(|part| matches!(part, Ast::Look(_))).cloned().collect());
        }
        Some(found)
    }

    /// Narrows the parts to those that begin, or end, with a character of the set.
    fn begun(&self, parts: &[Ast], side: Side, budget: &mut Budget) -> Option<Vec<Parts>> {
        let mut found = Vec::new();
        // The assertions before the first nonempty part; parts before it match nothing.
        let mut before: Parts = Vec::new();
        for step in 0..parts.len() {
            let (part, rest) = match side {
                Side::Ahead => (&parts[step], &parts[step + 1..]),
                Side::Behind => (&parts[parts.len() - 1 - step], &parts[..parts.len() - 1 - step]),
            };
            if matches!(part, Ast::Look(_)) {
                match side {
                    Side::Ahead => before.push(part.clone()),
                    Side::Behind => before.insert(0, part.clone()),
                }
                continue;
            }
            let begun = self.begun_part(part, side, budget)?;
            if !begun.is_nothing() {
                budget.spend(size(rest) + size(&before))?;
                found.push(match side {
                    Side::Ahead => [&before, &[begun][..], rest].concat(),
                    Side::Behind => [rest, &[begun], &before].concat(),
                });
            }
            if !part.is_nullable() {
                break;
            }
            if found.len() > MAX_SEQUENCES {
                return None;
            }
        }
        Some(found)
    }

    fn begun_part(&self, part: &Ast, side: Side, budget: &mut Budget) -> Option<Ast> {
        budget.spend(1)?;
        Some(match part {
            Ast::Chars(set) => {
                let mut both = set.clone();
                both.intersect(&self.set);
                Ast::chars(both)
            }
            Ast::Sequence(parts) => {
                Ast::choice(self.begun(parts, side, budget)?.into_iter().map(Ast::sequence))
            }
            Ast::Choice(options) => {
                let begun = options.iter().map(|option| self.begun_part(option, side, budget));
                Ast::choice(begun.collect::<Option<Vec<_>>>()?)
            }
            Ast::Repeat { of, least, most } => {
                let one = self.begun_part(of, side, budget)?;
                budget.spend(of.size())?;
                let least = least.saturating_sub(1);
                let more = Ast::repeat((**of).clone(), least, most.map(|most| most - 1));
                Ast::sequence(match side {
                    Side::Ahead => [one, more],
                    Side::Behind => [more, one],
                })
            }
            Ast::Look(_) => Ast::nothing(),
        })
    }
}
