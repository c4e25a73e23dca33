//! Builds a deterministic automaton for patterns with assertions from derivatives (Brzozowski,
//! "Derivatives of regular expressions", 1964). A derivative describes what the rest of a text must
//! be after one more character. A look-ahead is an additional condition on the rest.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use regex_syntax::hir::ClassUnicode;

use super::ast::{Ast, Look, all, letters};
use super::budget::Budget;

const MAX_STATES: usize = 600;
const MAX_STEPS: usize = 200_000;
/// Parts of all patterns together.
const MAX_PARTS: usize = 2_000;
/// Character classes that the patterns distinguish; each is a bit.
const MAX_CLASSES: usize = 64;
/// How many steps of a continuation may come without a character between them.
const MAX_DEPTH: usize = 400;

/// A deterministic finite automaton. It begins in state 0.
pub(super) struct Dfa {
    pub(super) classes: Vec<ClassUnicode>,
    /// The next state, by state and class of character.
    pub(super) next: Vec<Vec<usize>>,
    /// Whether a state accepts.
    pub(super) ends: Vec<bool>,
}

/// Builds an automaton for the texts that all of the patterns match or, if not `holds`, for all
/// other texts. Returns `None` if it would be too large, or if a look-behind sees more than one
/// character.
pub(super) fn dfa(patterns: &[Ast], holds: bool, budget: &mut Budget) -> Option<Dfa> {
    if patterns.iter().map(Ast::size).sum::<usize>() > MAX_PARTS {
        return None;
    }
    let mut builder = Builder::new(patterns, budget)?;
    let roots = patterns.iter().map(|pattern| {
        let root = builder.item(pattern)?;
        Some(Residual::Continuation(Rc::new(Continuation::Then(
            Step::Item(root),
            Rc::new(Continuation::End),
        ))))
    });
    let first = Residual::all(roots.collect::<Option<Vec<_>>>()?);
    builder.run(if holds { first } else { first.not() })
}

/// A condition on the rest of a text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Residual {
    Any,
    Nothing,
    Continuation(Rc<Continuation>),
    Not(Rc<Residual>),
    All(BTreeSet<Residual>),
    Either(BTreeSet<Residual>),
}

/// What some prefix of the rest must match, step by step.
#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Continuation {
    End,
    Then(Step, Rc<Continuation>),
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Step {
    Item(usize),
    Loop { of: usize, least: u32, most: Option<u32> },
}

/// A part of a pattern. Parts are identified by number, and sets of characters are bits of classes.
#[derive(Clone)]
enum Item {
    Chars(u64),
    Sequence(Vec<usize>),
    Choice(Vec<usize>),
    Repeat { of: usize, least: u32, most: Option<u32> },
    Start,
    End,
    Boundary { holds: bool },
    Ahead { holds: bool, of: usize },
    Behind { holds: bool, chars: u64 },
}

/// The classes of the characters next to a position, as bits; zero at the edge of the text.
#[derive(Clone, Copy)]
struct Place {
    before: u64,
    after: u64,
}

struct Builder<'b> {
    classes: Vec<ClassUnicode>,
    items: Vec<Item>,
    word: u64,
    /// Whether an assertion depends on the previous character.
    looks_back: bool,
    steps: usize,
    budget: &'b mut Budget,
    depth: usize,
}

impl<'b> Builder<'b> {
    fn new(patterns: &[Ast], budget: &'b mut Budget) -> Option<Self> {
        let (mut sets, mut looks_back) = (vec![letters()], false);
        patterns.iter().for_each(|pattern| gather(pattern, &mut sets, &mut looks_back));
        let mut classes = vec![all()];
        for set in &sets {
            let mut finer = Vec::with_capacity(classes.len() + 1);
            for class in classes {
                let (mut within, mut without) = (class.clone(), class);
                within.intersect(set);
                without.difference(set);
                finer.extend([within, without].into_iter().filter(|class| !class.ranges().is_empty()));
            }
            budget.spend(finer.len())?;
            classes = finer;
            if classes.len() > MAX_CLASSES {
                return None;
            }
        }
        let mut builder =
            Self { classes, items: Vec::new(), word: 0, looks_back, steps: 0, budget, depth: 0 };
        builder.word = builder.bits(&letters());
        Some(builder)
    }

    fn spend(&mut self, steps: usize) -> Option<()> {
        self.steps += steps;
        if self.steps > MAX_STEPS {
            return None;
        }
        self.budget.spend(steps)
    }

    fn bits(&self, set: &ClassUnicode) -> u64 {
        let mut bits = 0;
        for (place, class) in self.classes.iter().enumerate() {
            let mut both = class.clone();
            both.intersect(set);
            bits |= u64::from(!both.ranges().is_empty()) << place;
        }
        bits
    }

    fn item(&mut self, ast: &Ast) -> Option<usize> {
        let item = match ast {
            Ast::Chars(set) => {
                self.spend(self.classes.len())?;
                Item::Chars(self.bits(set))
            }
            Ast::Sequence(parts) => {
                Item::Sequence(parts.iter().map(|part| self.item(part)).collect::<Option<_>>()?)
            }
            Ast::Choice(parts) => {
                Item::Choice(parts.iter().map(|part| self.item(part)).collect::<Option<_>>()?)
            }
            Ast::Repeat { of, least, most } => {
                Item::Repeat { of: self.item(of)?, least: *least, most: *most }
            }
            Ast::Look(Look::Start) => Item::Start,
            Ast::Look(Look::End) => Item::End,
            Ast::Look(Look::Boundary { holds }) => Item::Boundary { holds: *holds },
            Ast::Look(Look::Around { ahead: true, holds, of }) => {
                Item::Ahead { holds: *holds, of: self.item(of)? }
            }
            Ast::Look(Look::Around { ahead: false, holds, of }) => match &**of {
                Ast::Chars(set) => Item::Behind { holds: *holds, chars: self.bits(set) },
                _ => return None,
            },
        };
        self.items.push(item);
        Some(self.items.len() - 1)
    }

    fn run(&mut self, first: Residual) -> Option<Dfa> {
        let mut states: Vec<(Residual, u64)> = vec![(first, 0)];
        let mut numbers: HashMap<(Residual, u64), usize> = HashMap::from([(states[0].clone(), 0)]);
        let (mut next, mut ends): (Vec<Vec<usize>>, Vec<bool>) = (Vec::new(), Vec::new());
        while next.len() < states.len() {
            let (rest, before) = states[next.len()].clone();
            ends.push(self.after(&rest, Place { before, after: 0 })? == Residual::Any);
            let mut row = Vec::with_capacity(self.classes.len());
            for class in 0..self.classes.len() {
                let after = 1_u64 << class;
                let rest = self.after(&rest, Place { before, after })?;
                let is_open = !matches!(rest, Residual::Any | Residual::Nothing);
                let before = match self.looks_back && is_open {
                    true => after,
                    // Any bit means that this isn't the beginning.
                    false => 1,
                };
                let known = (rest, before);
                let number = *numbers.entry(known.clone()).or_insert(states.len());
                if number == states.len() {
                    states.push(known);
                }
                row.push(number);
            }
            next.push(row);
            if states.len() > MAX_STATES {
                return None;
            }
        }
        Dfa { classes: self.classes.clone(), next, ends }.smallest(self.budget)
    }

    /// Returns the derivative by the next character or, at the end of the text, whether it may end.
    fn after(&mut self, rest: &Residual, place: Place) -> Option<Residual> {
        self.spend(1)?;
        Some(match rest {
            Residual::Any | Residual::Nothing => rest.clone(),
            Residual::Continuation(path) => self.follow(path, place, &mut Vec::new())?,
            Residual::Not(rest) => self.after(rest, place)?.not(),
            Residual::All(all) => Residual::all(self.each(all, place)?),
            Residual::Either(options) => Residual::either(self.each(options, place)?),
        })
    }

    fn each(&mut self, all: &BTreeSet<Residual>, place: Place) -> Option<Vec<Residual>> {
        all.iter().map(|rest| self.after(rest, place)).collect()
    }

    /// Follows a continuation up to the next character. `busy` contains the loops that haven't
    /// consumed a character yet.
    fn follow(
        &mut self,
        path: &Rc<Continuation>,
        place: Place,
        busy: &mut Vec<Rc<Continuation>>,
    ) -> Option<Residual> {
        self.spend(1)?;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let found = self.follow_step(path, place, busy);
        self.depth -= 1;
        found
    }

    fn follow_step(
        &mut self,
        path: &Rc<Continuation>,
        place: Place,
        busy: &mut Vec<Rc<Continuation>>,
    ) -> Option<Residual> {
        let Continuation::Then(step, rest) = &**path else { return Some(Residual::Any) };
        let (of, least, most) = match *step {
            Step::Loop { of, least, most } => (of, least, most),
            Step::Item(item) => match self.items[item].clone() {
                Item::Chars(chars) if chars & place.after != 0 => return Some(Residual::path(rest)),
                Item::Chars(_) => return Some(Residual::Nothing),
                Item::Sequence(parts) => {
                    self.spend(parts.len())?;
                    let path =
                        parts.iter().rev().fold(rest.clone(), |path, part| then(Step::Item(*part), path));
                    return self.follow(&path, place, busy);
                }
                Item::Choice(options) => {
                    let options = options
                        .iter()
                        .map(|option| self.follow(&then(Step::Item(*option), rest.clone()), place, busy));
                    return Some(Residual::either(options.collect::<Option<Vec<_>>>()?));
                }
                Item::Repeat { of, least, most } => (of, least, most),
                Item::Start => return self.follow_if(place.before == 0, rest, place, busy),
                Item::End => return self.follow_if(place.after == 0, rest, place, busy),
                Item::Boundary { holds } => {
                    let is_one = (place.before & self.word != 0) != (place.after & self.word != 0);
                    return self.follow_if(is_one == holds, rest, place, busy);
                }
                Item::Behind { holds, chars } => {
                    return self.follow_if((place.before & chars != 0) == holds, rest, place, busy);
                }
                Item::Ahead { holds, of } => {
                    let look = then(Step::Item(of), Rc::new(Continuation::End));
                    let look = self.follow(&look, place, &mut Vec::new())?;
                    let look = if holds { look } else { look.not() };
                    let rest = self.follow(rest, place, busy)?;
                    return Some(Residual::all([look, rest]));
                }
            },
        };
        let once = |least: u32| {
            then(
                Step::Item(of),
                then(Step::Loop { of, least, most: most.map(|most| most - 1) }, rest.clone()),
            )
        };
        if least > 0 {
            return self.follow(&once(least - 1), place, busy);
        }
        let over = self.follow(rest, place, busy)?;
        if most == Some(0) || busy.contains(path) {
            return Some(over);
        }
        busy.push(path.clone());
        let again = self.follow(&once(0), place, busy);
        busy.pop();
        Some(Residual::either([over, again?]))
    }

    fn follow_if(
        &mut self,
        holds: bool,
        rest: &Rc<Continuation>,
        place: Place,
        busy: &mut Vec<Rc<Continuation>>,
    ) -> Option<Residual> {
        if holds { self.follow(rest, place, busy) } else { Some(Residual::Nothing) }
    }
}

fn then(step: Step, rest: Rc<Continuation>) -> Rc<Continuation> {
    Rc::new(Continuation::Then(step, rest))
}

fn gather(ast: &Ast, sets: &mut Vec<ClassUnicode>, looks_back: &mut bool) {
    match ast {
        Ast::Chars(set) => {
            if !sets.contains(set) {
                sets.push(set.clone());
            }
        }
        Ast::Sequence(parts) | Ast::Choice(parts) => {
            parts.iter().for_each(|part| gather(part, sets, looks_back));
        }
        Ast::Repeat { of, .. } => gather(of, sets, looks_back),
        Ast::Look(look) => {
            *looks_back |= matches!(look, Look::Boundary { .. } | Look::Around { ahead: false, .. });
            if let Look::Around { of, .. } = look {
                gather(of, sets, looks_back);
            }
        }
    }
}

impl Residual {
    fn path(path: &Rc<Continuation>) -> Self {
        match **path {
            Continuation::End => Self::Any,
            Continuation::Then(..) => Self::Continuation(path.clone()),
        }
    }

    fn not(self) -> Self {
        match self {
            Self::Any => Self::Nothing,
            Self::Nothing => Self::Any,
            Self::Not(rest) => (*rest).clone(),
            rest => Self::Not(Rc::new(rest)),
        }
    }

    fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut found = BTreeSet::new();
        for part in parts {
            match part {
                Self::Any => {}
                Self::Nothing => return Self::Nothing,
                Self::All(within) => found.extend(within),
                part => drop(found.insert(part)),
            }
        }
        match found.len() {
            0 => Self::Any,
            1 => found.pop_first().unwrap_or(Self::Any),
            _ => Self::All(found),
        }
    }

    fn either(options: impl IntoIterator<Item = Self>) -> Self {
        let mut found = BTreeSet::new();
        for option in options {
            match option {
                Self::Nothing => {}
                Self::Any => return Self::Any,
                Self::Either(within) => found.extend(within),
                option => drop(found.insert(option)),
            }
        }
        match found.len() {
            0 => Self::Nothing,
            1 => found.pop_first().unwrap_or(Self::Nothing),
            _ => Self::Either(found),
        }
    }
}

impl Dfa {
    /// Merges equivalent states (Moore's algorithm).
    fn smallest(self, budget: &mut Budget) -> Option<Self> {
        let mut groups: Vec<usize> = self.ends.iter().map(|ends| usize::from(*ends)).collect();
        let mut count = 0;
        loop {
            budget.spend(groups.len() * self.classes.len() / 16)?;
            let mut numbers = HashMap::new();
            let finer: Vec<usize> = (0..groups.len())
                .map(|state| {
                    let row: Vec<usize> = self.next[state].iter().map(|next| groups[*next]).collect();
                    let next = numbers.len();
                    *numbers.entry((groups[state], row)).or_insert(next)
                })
                .collect();
            let is_done = numbers.len() == count;
            count = numbers.len();
            groups = finer;
            if is_done {
                break;
            }
        }
        let mut next = vec![Vec::new(); count];
        let mut ends = vec![false; count];
        for (state, group) in groups.iter().enumerate() {
            next[*group] = self.next[state].iter().map(|next| groups[*next]).collect();
            ends[*group] = self.ends[state];
        }
        Some(Self { classes: self.classes, next, ends })
    }
}
