//! All ways to satisfy a demand, each without a choice left.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use serde_json::Value;

use super::branch::Branch;
use super::document::{Document, Node};
use super::effort::Effort;
use super::fact::{Demand, Fact, Hints, Literal, Noted, Origin};
use super::kinds::Kinds;
use super::negate::Negation;
use super::read::Reader;
use super::regexes::{Regexes, Texts};
use crate::{Limits, SchemaError};

/// Ways to satisfy one demand.
const MOST_WAYS: usize = 200;
/// Names of the alternatives of a `oneOf` that tell them apart.
const MOST_HINTS: usize = 64;
/// How deep members are looked into to tell alternatives apart.
const DEEPEST_PROOF: usize = 3;

/// What is wanted of the ways: none that isn't valid, for writing them down, or none missing, for proofs that there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Width {
    Kept,
    Wide,
}

type Ways = Rc<[Branch]>;

pub(super) struct Solver<'a> {
    pub(super) document: Document<'a>,
    pub(super) regexes: Regexes,
    pub(super) effort: Effort,
    limits: Limits,
    facts: HashMap<Node, Rc<[Noted]>>,
    known: HashMap<(Demand, Width), Ways>,
    /// Schemas that don't come back to themselves before a value is there: looked at, and being looked at.
    straight: HashMap<Node, bool>,
    /// Where ways were left out because they can't be written down.
    unkept: Option<Origin>,
    unkept_count: usize,
    /// Where the last way ended that satisfies nothing.
    pub(super) dead: Option<Origin>,
    /// The keyword that is kept only in part, so that a finished answer must be judged.
    pub(super) unsure: Option<Origin>,
    /// Whether what must not hold and what follows from something is left to that judgement.
    is_loose: bool,
}

#[derive(Clone)]
struct Open {
    branch: Branch,
    pending: Vec<Noted>,
    choices: Vec<Choice>,
    seen: HashSet<Literal>,
}

#[derive(Clone)]
struct Choice {
    origin: Origin,
    of: Of,
}

#[derive(Clone)]
enum Of {
    Any(Rc<[Vec<Fact>]>),
    One(Rc<[Node]>),
}

impl<'a> Solver<'a> {
    pub(super) fn new(root: &'a Value, limits: &Limits, effort: Effort) -> Self {
        Self {
            document: Document::new(root),
            regexes: Regexes::new(effort.halt().clone()),
            effort,
            limits: *limits,
            facts: HashMap::new(),
            known: HashMap::new(),
            straight: HashMap::new(),
            unkept: None,
            unkept_count: 0,
            dead: None,
            unsure: None,
            is_loose: false,
        }
    }

    pub(super) fn refusal(&self, origin: Origin, why: impl Into<String>) -> SchemaError {
        SchemaError {
            keyword: origin.keyword.to_owned(),
            path: self.document.path(origin.node).to_owned(),
            why: why.into(),
        }
    }

    /// What is to blame where a demand has no way.
    pub(super) fn blame(&self) -> Option<SchemaError> {
        match (self.unkept, self.dead) {
            (Some(origin), _) => Some(self.refusal(origin, "a grammar can't keep it")),
            (None, Some(origin)) => {
                Some(self.refusal(origin, "no value satisfies it together with the rest"))
            }
            (None, None) => None,
        }
    }

    pub(super) fn solve(&mut self, demand: &Demand, width: Width) -> Result<Ways, SchemaError> {
        self.solve_within(demand, width, 0)
    }

    fn solve_within(&mut self, demand: &Demand, width: Width, depth: usize) -> Result<Ways, SchemaError> {
        let key = (demand.clone(), width);
        if let Some(known) = self.known.get(&key) {
            return Ok(known.clone());
        }
        for literal in demand {
            self.is_straight(literal.node())?;
        }
        let pending = demand.iter().rev().map(|literal| match literal {
            Literal::Is(node) => noted(*node, Fact::Is(*node)),
            Literal::Not(node) => noted(*node, Fact::Not(*node, Rc::new([]))),
        });
        let open = Open {
            branch: Branch::any(),
            pending: pending.collect(),
            choices: Vec::new(),
            seen: HashSet::new(),
        };
        let mut found = Vec::new();
        if let Err(error) = self.close(open.clone(), width, depth, &mut found) {
            // In too many ways it may not hold what must not hold.
            if width == Width::Wide || self.is_loose {
                return Err(error);
            }
            found.clear();
            self.is_loose = true;
            let closed = self.close(open, width, depth, &mut found);
            self.is_loose = false;
            closed?;
        }
        if found.iter().any(Branch::is_any) {
            found = vec![Branch::any()];
        }
        let ways: Ways = found.into();
        self.known.insert(key, ways.clone());
        Ok(ways)
    }

    /// Follows all that is open to its ends.
    fn close(
        &mut self,
        mut open: Open,
        width: Width,
        depth: usize,
        found: &mut Vec<Branch>,
    ) -> Result<(), SchemaError> {
        while let Some(Noted { origin, fact }) = open.pending.pop() {
            self.effort.spend(1).map_err(|why| self.refusal(origin, why))?;
            if !self.take(&mut open, origin, fact, width)? {
                self.dead = Some(origin);
                return Ok(());
            }
        }
        let Some(choice) = open.choices.pop() else {
            if let Some(branch) = self.whole(open.branch, width, depth)? {
                found.push(branch);
            }
            return Ok(());
        };
        if found.len() > MOST_WAYS {
            return Err(
                self.refusal(choice.origin, format!("it can be satisfied in more than {MOST_WAYS} ways"))
            );
        }
        match choice.of {
            Of::Any(options) => {
                for option in options.iter() {
                    let next = self.with(&open, choice.origin, option.iter().cloned());
                    self.close(next, width, depth, found)?;
                }
            }
            Of::One(nodes) => self.one_of(&open, choice.origin, &nodes, width, depth, found)?,
        }
        Ok(())
    }

    /// Goes on with exactly one of the schemas: the others don't hold, where that isn't plain anyway.
    fn one_of(
        &mut self,
        open: &Open,
        origin: Origin,
        nodes: &[Node],
        width: Width,
        depth: usize,
        found: &mut Vec<Branch>,
    ) -> Result<(), SchemaError> {
        let hints = self.hints(nodes)?;
        for (place, node) in nodes.iter().enumerate() {
            let mut overlapping = Vec::new();
            for (other, rival) in nodes.iter().enumerate() {
                if width == Width::Kept && other != place && !self.are_disjoint(*node, *rival)? {
                    overlapping.push(*rival);
                }
            }
            let (before, left_out) = (found.len(), self.unkept_count);
            let not = overlapping.iter().map(|rival| Fact::Not(*rival, hints.clone()));
            let next = self.with(open, origin, std::iter::once(Fact::Is(*node)).chain(not));
            self.close(next, width, depth, found)?;
            if found.len() == before && self.unkept_count > left_out {
                // That the others don't hold can't be written down: the finished answer shows it.
                let next = self.with(open, origin, std::iter::once(Fact::Is(*node)));
                self.close(next, width, depth, found)?;
                if found.len() > before {
                    self.unsure = Some(origin);
                }
            }
        }
        Ok(())
    }

    fn with(&self, open: &Open, origin: Origin, facts: impl Iterator<Item = Fact>) -> Open {
        let mut next = open.clone();
        next.pending.extend(facts.map(|fact| Noted { origin, fact }));
        next.pending.reverse();
        next
    }

    /// Takes one fact; false where nothing satisfies it with the rest.
    fn take(
        &mut self,
        open: &mut Open,
        origin: Origin,
        fact: Fact,
        width: Width,
    ) -> Result<bool, SchemaError> {
        match fact {
            Fact::Is(node) => {
                if open.seen.contains(&Literal::Not(node)) {
                    return Ok(false);
                }
                if open.seen.insert(Literal::Is(node)) {
                    let facts = self.facts(node)?;
                    open.pending.extend(facts.iter().rev().cloned());
                }
            }
            Fact::Not(..) if self.is_loose && width == Width::Kept => self.unsure = Some(origin),
            Fact::AnyOf(_) if self.is_loose && width == Width::Kept && is_conditional(origin) => {
                self.unsure = Some(origin);
            }
            Fact::Not(node, hints) => {
                if open.seen.contains(&Literal::Is(node)) {
                    return Ok(false);
                }
                if open.seen.insert(Literal::Not(node)) {
                    let facts = self.facts(node)?;
                    let Self { document, regexes, .. } = self;
                    let mut negation = Negation { document, regexes, hints: &hints };
                    let ways: Vec<Vec<Fact>> =
                        facts.iter().flat_map(|noted| negation.of_noted(noted)).collect();
                    open.pending.push(Noted { origin, fact: Fact::AnyOf(ways.into()) });
                }
            }
            Fact::AnyOf(options) => match &*options {
                [] => return Ok(false),
                [only] => {
                    open.pending.extend(only.iter().rev().map(|fact| Noted { origin, fact: fact.clone() }))
                }
                _ => open.choices.push(Choice { origin, of: Of::Any(options) }),
            },
            Fact::OneOf(nodes) if width == Width::Wide => {
                let options: Vec<Vec<Fact>> = nodes.iter().map(|node| vec![Fact::Is(*node)]).collect();
                open.pending.push(Noted { origin, fact: Fact::AnyOf(options.into()) });
            }
            Fact::OneOf(nodes) => open.choices.push(Choice { origin, of: Of::One(nodes) }),
            Fact::Unkept if width == Width::Wide => {}
            Fact::Unkept => {
                self.unkept.get_or_insert(origin);
                self.unkept_count += 1;
                return Ok(false);
            }
            Fact::Members(_) | Fact::Items(_) if width == Width::Wide && origin.is_narrow() => {}
            Fact::Contains(_) if width == Width::Wide => {}
            fact => return Ok(open.branch.take(fact)),
        }
        Ok(true)
    }

    /// What a schema says, read once.
    fn facts(&mut self, node: Node) -> Result<Rc<[Noted]>, SchemaError> {
        if let Some(facts) = self.facts.get(&node) {
            return Ok(facts.clone());
        }
        let origin = Origin { node, keyword: "schema" };
        if self.document.len() > self.limits.schemas {
            return Err(
                self.refusal(origin, format!("the schema holds more than {} schemas", self.limits.schemas))
            );
        }
        let facts: Rc<[Noted]> = Reader::new(&mut self.document, &mut self.regexes, node).read()?.into();
        self.effort.spend(facts.len()).map_err(|why| self.refusal(origin, why))?;
        self.facts.insert(node, facts.clone());
        Ok(facts)
    }

    /// Refuses a schema that refers to itself for the same value.
    fn is_straight(&mut self, node: Node) -> Result<(), SchemaError> {
        match self.straight.get(&node) {
            Some(true) => return Ok(()),
            Some(false) => {
                let origin = Origin { node, keyword: "$ref" };
                return Err(self.refusal(origin, "no finite value satisfies it: it requires itself"));
            }
            None => drop(self.straight.insert(node, false)),
        }
        let facts = self.facts(node)?;
        let mut within = Vec::new();
        facts.iter().for_each(|noted| in_place(&noted.fact, &mut within));
        within.into_iter().try_for_each(|node| self.is_straight(node))?;
        self.straight.insert(node, true);
        Ok(())
    }

    /// The branch without what is empty by its patterns; `None` if nothing is left.
    fn whole(
        &mut self,
        mut branch: Branch,
        width: Width,
        depth: usize,
    ) -> Result<Option<Branch>, SchemaError> {
        if branch.kinds.has(Kinds::STRING) && !self.has_text(&mut branch, width) {
            branch.kinds = branch.kinds.without(Kinds::STRING);
        }
        if width == Width::Wide && branch.kinds.has(Kinds::OBJECT) && depth < DEEPEST_PROOF {
            for name in branch.object.required.clone() {
                let demand = self.member(&branch, &name);
                if self.solve_within(&demand, Width::Wide, depth + 1)?.is_empty() {
                    branch.kinds = branch.kinds.without(Kinds::OBJECT);
                    break;
                }
            }
        }
        Ok((!branch.kinds.is_none()).then_some(branch))
    }

    fn has_text(&mut self, branch: &mut Branch, width: Width) -> bool {
        let text = &mut branch.text;
        let patterns: Vec<Rc<str>> = text
            .patterns
            .iter()
            .map(|pattern| match (width, &pattern.wide) {
                (Width::Wide, Some(wide)) => wide.clone(),
                _ => pattern.kept.clone(),
            })
            .collect();
        if let Some(only) = &text.only {
            let fits = |text: &&String, least: u64, most: Option<u64>| {
                let length = text.chars().count() as u64;
                least <= length && most.is_none_or(|most| length <= most)
            };
            let kept: BTreeSet<String> = only
                .iter()
                .filter(|only| fits(only, text.least, text.most))
                .filter(|only| {
                    patterns.iter().all(|pattern| {
                        // What takes too long to tell is kept for proofs and left out of what is written.
                        self.regexes.matches(pattern, only).unwrap_or(width == Width::Wide)
                    })
                })
                .cloned()
                .collect();
            text.only = Some(kept);
            return text.only.as_ref().is_some_and(|only| !only.is_empty());
        }
        if patterns.is_empty() {
            return true;
        }
        let patterns: Vec<&str> = patterns.iter().map(|pattern| &**pattern).collect();
        let texts = Texts { patterns: &patterns, least: text.least, most: text.most };
        self.regexes.is_empty(texts) != Some(true)
    }

    /// What an object's member of this name must be.
    pub(super) fn member(&mut self, branch: &Branch, name: &str) -> Demand {
        let mut demand = branch.object.demands.get(name).cloned().unwrap_or_default();
        for members in &branch.object.members {
            members.of_name(name, |pattern| self.regexes.matches(pattern, name) != Some(false), &mut demand);
        }
        demand
    }

    fn are_disjoint(&mut self, left: Node, right: Node) -> Result<bool, SchemaError> {
        let both = Demand::from([Literal::Is(left), Literal::Is(right)]);
        if let Some(known) = self.known.get(&(both.clone(), Width::Wide)) {
            return Ok(known.is_empty());
        }
        match self.solve_within(&both, Width::Wide, 0) {
            Ok(ways) => Ok(ways.is_empty()),
            // That they overlap in very many ways is no proof, and is not looked for again.
            Err(_) if self.effort.is_left() => {
                self.known.insert((both, Width::Wide), [Branch::any()].into());
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// The names that schemas of a `oneOf` speak of.
    fn hints(&mut self, nodes: &[Node]) -> Result<Hints, SchemaError> {
        let mut names = BTreeSet::new();
        let mut open: Vec<Node> = nodes.to_vec();
        let mut seen = HashSet::new();
        while let Some(node) = open.pop() {
            if !seen.insert(node) || names.len() >= MOST_HINTS {
                continue;
            }
            for noted in self.facts(node)?.iter() {
                match &noted.fact {
                    Fact::Is(node) => open.push(*node),
                    Fact::Members(members) => {
                        names.extend(members.named.iter().map(|(name, _)| name.clone()))
                    }
                    Fact::Required(name) => drop(names.insert(name.clone())),
                    _ => {}
                }
            }
        }
        Ok(names.into_iter().take(MOST_HINTS).collect())
    }
}

/// Whether a choice comes of a keyword that says what follows from something.
fn is_conditional(origin: Origin) -> bool {
    ["if", "dependencies", "dependentRequired", "dependentSchemas"].contains(&origin.keyword)
}

/// The schemas that a fact puts to the same value.
fn in_place(fact: &Fact, into: &mut Vec<Node>) {
    match fact {
        Fact::Is(node) | Fact::Not(node, _) => into.push(*node),
        Fact::AnyOf(options) => options.iter().flatten().for_each(|fact| in_place(fact, into)),
        Fact::OneOf(nodes) => into.extend(nodes.iter()),
        _ => {}
    }
}

fn noted(node: Node, fact: Fact) -> Noted {
    Noted { origin: Origin { node, keyword: "schema" }, fact }
}
