//! Makes a machine of states out of patterns with looks, by derivatives: what the rest of a text must be after one more
//! character (Brzozowski, "Derivatives of regular expressions", 1964). A look ahead is one more thing that the rest must be.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use regex_syntax::hir::ClassUnicode;

use super::tree::{Look, Tree, all, letters};

const MOST_STATES: usize = 600;
const MOST_STEPS: usize = 200_000;
/// Kinds of characters that patterns tell apart; each is a bit.
const MOST_KINDS: usize = 64;
/// Steps of a path without a character between them.
const DEEPEST: usize = 1_000;

/// A machine that reads a text and tells whether it matches. State 0 is the first.
pub(super) struct Machine {
    pub(super) kinds: Vec<ClassUnicode>,
    /// The next state, by state and kind of character.
    pub(super) next: Vec<Vec<usize>>,
    /// Whether a text may end in a state.
    pub(super) ends: Vec<bool>,
}

/// A machine for the texts that all of the patterns match, or, with `holds` false, for the others. `None` if it would be too
/// large, or if a look behind sees further than one character.
pub(super) fn machine(patterns: &[Tree], holds: bool) -> Option<Machine> {
    let mut maker = Maker::new(patterns)?;
    let roots = patterns.iter().map(|pattern| {
        let root = maker.item(pattern)?;
        Some(Rest::Path(Rc::new(Path::Then(Step::Item(root), Rc::new(Path::End)))))
    });
    let first = Rest::all(roots.collect::<Option<Vec<_>>>()?);
    maker.run(if holds { first } else { first.not() })
}

/// What the rest of a text must be.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Rest {
    Any,
    Nothing,
    Path(Rc<Path>),
    Not(Rc<Rest>),
    All(BTreeSet<Rest>),
    Either(BTreeSet<Rest>),
}

/// Steps that some beginning of the rest takes; what is after them is free.
#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Path {
    End,
    Then(Step, Rc<Path>),
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Step {
    Item(usize),
    Loop { of: usize, least: u32, most: Option<u32> },
}

/// Parts of the patterns by number; sets of characters as bits of kinds.
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

/// What is on both sides of a place: kinds of characters, as bits, or no bit at the text's edge.
#[derive(Clone, Copy)]
struct Place {
    before: u64,
    after: u64,
}

struct Maker {
    kinds: Vec<ClassUnicode>,
    items: Vec<Item>,
    word: u64,
    /// Whether a look sees what is behind.
    looks_back: bool,
    steps: usize,
    depth: usize,
}

impl Maker {
    fn new(patterns: &[Tree]) -> Option<Self> {
        let (mut sets, mut looks_back) = (vec![letters()], false);
        patterns.iter().for_each(|pattern| gather(pattern, &mut sets, &mut looks_back));
        let mut kinds = vec![all()];
        for set in &sets {
            let mut finer = Vec::with_capacity(kinds.len() + 1);
            for kind in kinds {
                let (mut within, mut without) = (kind.clone(), kind);
                within.intersect(set);
                without.difference(set);
                finer.extend([within, without].into_iter().filter(|kind| !kind.ranges().is_empty()));
            }
            kinds = finer;
            if kinds.len() > MOST_KINDS {
                return None;
            }
        }
        let mut maker = Self { kinds, items: Vec::new(), word: 0, looks_back, steps: 0, depth: 0 };
        maker.word = maker.bits(&letters());
        Some(maker)
    }

    fn bits(&self, set: &ClassUnicode) -> u64 {
        let mut bits = 0;
        for (place, kind) in self.kinds.iter().enumerate() {
            let mut both = kind.clone();
            both.intersect(set);
            bits |= u64::from(!both.ranges().is_empty()) << place;
        }
        bits
    }

    fn item(&mut self, tree: &Tree) -> Option<usize> {
        let item = match tree {
            Tree::Chars(set) => Item::Chars(self.bits(set)),
            Tree::Sequence(parts) => {
                Item::Sequence(parts.iter().map(|part| self.item(part)).collect::<Option<_>>()?)
            }
            Tree::Choice(parts) => {
                Item::Choice(parts.iter().map(|part| self.item(part)).collect::<Option<_>>()?)
            }
            Tree::Repeat { of, least, most } => {
                Item::Repeat { of: self.item(of)?, least: *least, most: *most }
            }
            Tree::Look(Look::Start) => Item::Start,
            Tree::Look(Look::End) => Item::End,
            Tree::Look(Look::Boundary { holds }) => Item::Boundary { holds: *holds },
            Tree::Look(Look::Around { ahead: true, holds, of }) => {
                Item::Ahead { holds: *holds, of: self.item(of)? }
            }
            Tree::Look(Look::Around { ahead: false, holds, of }) => match &**of {
                Tree::Chars(set) => Item::Behind { holds: *holds, chars: self.bits(set) },
                _ => return None,
            },
        };
        self.items.push(item);
        Some(self.items.len() - 1)
    }

    fn run(mut self, first: Rest) -> Option<Machine> {
        let mut states: Vec<(Rest, u64)> = vec![(first, 0)];
        let mut numbers: HashMap<(Rest, u64), usize> = HashMap::from([(states[0].clone(), 0)]);
        let (mut next, mut ends): (Vec<Vec<usize>>, Vec<bool>) = (Vec::new(), Vec::new());
        while next.len() < states.len() {
            let (rest, before) = states[next.len()].clone();
            ends.push(self.after(&rest, Place { before, after: 0 })? == Rest::Any);
            let mut row = Vec::with_capacity(self.kinds.len());
            for kind in 0..self.kinds.len() {
                let after = 1_u64 << kind;
                let rest = self.after(&rest, Place { before, after })?;
                let is_open = !matches!(rest, Rest::Any | Rest::Nothing);
                let before = match self.looks_back && is_open {
                    true => after,
                    // Any bit that isn't the edge will do.
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
            if states.len() > MOST_STATES {
                return None;
            }
        }
        Some(Machine { kinds: self.kinds, next, ends }.smallest())
    }

    /// What the rest must be after one more character; at the text's end, whether it may be empty.
    fn after(&mut self, rest: &Rest, place: Place) -> Option<Rest> {
        self.steps += 1;
        if self.steps > MOST_STEPS {
            return None;
        }
        Some(match rest {
            Rest::Any | Rest::Nothing => rest.clone(),
            Rest::Path(path) => self.follow(path, place, &mut Vec::new())?,
            Rest::Not(rest) => self.after(rest, place)?.not(),
            Rest::All(all) => Rest::all(self.each(all, place)?),
            Rest::Either(options) => Rest::either(self.each(options, place)?),
        })
    }

    fn each(&mut self, all: &BTreeSet<Rest>, place: Place) -> Option<Vec<Rest>> {
        all.iter().map(|rest| self.after(rest, place)).collect()
    }

    /// Takes the steps of a path up to the next character. `busy` are the loops that no character was taken in yet.
    fn follow(&mut self, path: &Rc<Path>, place: Place, busy: &mut Vec<Rc<Path>>) -> Option<Rest> {
        self.steps += 1;
        self.depth += 1;
        if self.steps > MOST_STEPS || self.depth > DEEPEST {
            return None;
        }
        let found = self.follow_step(path, place, busy);
        self.depth -= 1;
        found
    }

    fn follow_step(&mut self, path: &Rc<Path>, place: Place, busy: &mut Vec<Rc<Path>>) -> Option<Rest> {
        let Path::Then(step, rest) = &**path else { return Some(Rest::Any) };
        let (of, least, most) = match *step {
            Step::Loop { of, least, most } => (of, least, most),
            Step::Item(item) => match self.items[item].clone() {
                Item::Chars(chars) if chars & place.after != 0 => return Some(Rest::path(rest)),
                Item::Chars(_) => return Some(Rest::Nothing),
                Item::Sequence(parts) => {
                    let path =
                        parts.iter().rev().fold(rest.clone(), |path, part| then(Step::Item(*part), path));
                    return self.follow(&path, place, busy);
                }
                Item::Choice(options) => {
                    let options = options
                        .iter()
                        .map(|option| self.follow(&then(Step::Item(*option), rest.clone()), place, busy));
                    return Some(Rest::either(options.collect::<Option<Vec<_>>>()?));
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
                    let look = then(Step::Item(of), Rc::new(Path::End));
                    let look = self.follow(&look, place, &mut Vec::new())?;
                    let look = if holds { look } else { look.not() };
                    let rest = self.follow(rest, place, busy)?;
                    return Some(Rest::all([look, rest]));
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
        Some(Rest::either([over, again?]))
    }

    fn follow_if(
        &mut self,
        holds: bool,
        rest: &Rc<Path>,
        place: Place,
        busy: &mut Vec<Rc<Path>>,
    ) -> Option<Rest> {
        if holds { self.follow(rest, place, busy) } else { Some(Rest::Nothing) }
    }
}

fn then(step: Step, rest: Rc<Path>) -> Rc<Path> {
    Rc::new(Path::Then(step, rest))
}

fn gather(tree: &Tree, sets: &mut Vec<ClassUnicode>, looks_back: &mut bool) {
    match tree {
        Tree::Chars(set) => {
            if !sets.contains(set) {
                sets.push(set.clone());
            }
        }
        Tree::Sequence(parts) | Tree::Choice(parts) => {
            parts.iter().for_each(|part| gather(part, sets, looks_back));
        }
        Tree::Repeat { of, .. } => gather(of, sets, looks_back),
        Tree::Look(look) => {
            *looks_back |= matches!(look, Look::Boundary { .. } | Look::Around { ahead: false, .. });
            if let Look::Around { of, .. } = look {
                gather(of, sets, looks_back);
            }
        }
    }
}

impl Rest {
    fn path(path: &Rc<Path>) -> Self {
        match **path {
            Path::End => Self::Any,
            Path::Then(..) => Self::Path(path.clone()),
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

impl Machine {
    /// The same without states that no text tells apart (Moore's algorithm).
    fn smallest(self) -> Self {
        let mut groups: Vec<usize> = self.ends.iter().map(|ends| usize::from(*ends)).collect();
        let mut count = 0;
        loop {
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
        Self { kinds: self.kinds, next, ends }
    }
}
