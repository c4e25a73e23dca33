//! Splits a demand into branches that satisfy it, each without remaining choices.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use serde_json::Value;

use super::branch::Branch;
use super::document::{Document, Node};
use super::effort::Effort;
use super::fact::{Demand, Fact, Hints, KeywordFact, Literal, Origin};
use super::kinds::Kinds;
use super::negate::Negation;
use super::read::Reader;
use super::regexes::{Regexes, Texts};
use crate::{Limits, SchemaError};

/// How many branches one demand may have.
const MAX_WAYS: usize = 200;
/// How many names are used to distinguish the alternatives of a `oneOf`.
const MAX_HINTS: usize = 64;
/// How deeply members are searched to distinguish alternatives.
const MAX_PROOF_DEPTH: usize = 3;

/// What the branches are for: for writing, every one must be valid; for proofs of emptiness, none
/// may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Width {
    GrammarCache,
    Wide,
}

type Ways = Rc<[Branch]>;

pub(super) struct Solver<'a> {
    pub(super) document: Document<'a>,
    pub(super) regexes: Regexes,
    pub(super) effort: Effort,
    limits: Limits,
    facts: HashMap<Node, Rc<[KeywordFact]>>,
    known: HashMap<(Demand, Width), Ways>,
    /// Schemas that don't refer to themselves for the same value: done, or in progress.
    not_circular: HashMap<Node, bool>,
    /// Where branches were left out because they can't be expressed.
    inexpressible: Option<Origin>,
    unkept_count: usize,
    /// Where the last contradictory branch ended.
    pub(super) contradiction: Option<Origin>,
    /// The keyword that is enforced only partially, so that the finished answer must be validated.
    pub(super) partially_enforced: Option<Origin>,
    /// Whether negations and conditions are left to that validation.
    is_loose: bool,
}

#[derive(Clone)]
struct Open {
    branch: Branch,
    pending: Vec<KeywordFact>,
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
            not_circular: HashMap::new(),
            inexpressible: None,
            unkept_count: 0,
            contradiction: None,
            partially_enforced: None,
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

    /// The error for a demand without any branch.
    pub(super) fn blame(&self) -> Option<SchemaError> {
        match (self.inexpressible, self.contradiction) {
            (Some(origin), _) => Some(self.refusal(origin, "not supported")),
            (None, Some(origin)) => {
                Some(self.refusal(origin, "no value satisfies it together with the other keywords"))
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
            self.check_not_circular(literal.node())?;
        }
        let pending = demand.iter().rev().map(|literal| match literal {
            Literal::Is(node) => keyword_fact(*node, Fact::Is(*node)),
            Literal::Not(node) => keyword_fact(*node, Fact::Not(*node, Rc::new([]))),
        });
        let open = Open {
            branch: Branch::any(),
            pending: pending.collect(),
            choices: Vec::new(),
            seen: HashSet::new(),
        };
        let mut found = Vec::new();
        if let Err(error) = self.close(open.clone(), width, depth, &mut found) {
            // A negation with too many alternatives.
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

    /// Resolves all open choices.
    fn close(
        &mut self,
        mut open: Open,
        width: Width,
        depth: usize,
        found: &mut Vec<Branch>,
    ) -> Result<(), SchemaError> {
        while let Some(KeywordFact { origin, fact }) = open.pending.pop() {
            self.effort.spend(1).map_err(|why| self.refusal(origin, why))?;
            if !self.take(&mut open, origin, fact, width)? {
                self.contradiction = Some(origin);
                return Ok(());
            }
        }
        let Some(choice) = open.choices.pop() else {
            if let Some(branch) = self.whole(open.branch, width, depth)? {
                found.push(branch);
            }
            return Ok(());
        };
        if found.len() > MAX_WAYS {
            return Err(
                self.refusal(choice.origin, format!("there are more than {MAX_WAYS} ways to satisfy it"))
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

    /// Continues with exactly one of the schemas and negates the others, unless they are disjoint
    /// anyway.
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
                if width == Width::GrammarCache && other != place && !self.are_disjoint(*node, *rival)? {
                    overlapping.push(*rival);
                }
            }
            let (before, left_out) = (found.len(), self.unkept_count);
            let not = overlapping.iter().map(|rival| Fact::Not(*rival, hints.clone()));
            let next = self.with(open, origin, std::iter::once(Fact::Is(*node)).chain(not));
            self.close(next, width, depth, found)?;
            if found.len() == before && self.unkept_count > left_out {
                // The negation of the others can't be expressed; the finished answer is validated
                // instead.
                let next = self.with(open, origin, std::iter::once(Fact::Is(*node)));
                self.close(next, width, depth, found)?;
                if found.len() > before {
                    self.partially_enforced = Some(origin);
                }
            }
        }
        Ok(())
    }

    fn with(&self, open: &Open, origin: Origin, facts: impl Iterator<Item = Fact>) -> Open {
        let mut next = open.clone();
        next.pending.extend(facts.map(|fact| KeywordFact { origin, fact }));
        next.pending.reverse();
        next
    }

    /// Adds one fact; false if no value satisfies it together with the others.
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
            Fact::Not(..) if self.is_loose && width == Width::GrammarCache => {
                self.partially_enforced = Some(origin)
            }
            Fact::AnyOf(_) if self.is_loose && width == Width::GrammarCache && is_conditional(origin) => {
                self.partially_enforced = Some(origin);
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
                        facts.iter().flat_map(|keyword_fact| negation.of_noted(keyword_fact)).collect();
                    open.pending.push(KeywordFact { origin, fact: Fact::AnyOf(ways.into()) });
                }
            }
            Fact::AnyOf(options) => match &*options {
                [] => return Ok(false),
                [only] => open
                    .pending
                    .extend(only.iter().rev().map(|fact| KeywordFact { origin, fact: fact.clone() })),
                _ => open.choices.push(Choice { origin, of: Of::Any(options) }),
            },
            Fact::OneOf(nodes) if width == Width::Wide => {
                let options: Vec<Vec<Fact>> = nodes.iter().map(|node| vec![Fact::Is(*node)]).collect();
                open.pending.push(KeywordFact { origin, fact: Fact::AnyOf(options.into()) });
            }
            Fact::OneOf(nodes) => open.choices.push(Choice { origin, of: Of::One(nodes) }),
            Fact::Inexpressible if width == Width::Wide => {}
            Fact::Inexpressible => {
                self.inexpressible.get_or_insert(origin);
                self.unkept_count += 1;
                return Ok(false);
            }
            Fact::Members(_) | Fact::Items(_) if width == Width::Wide && origin.is_narrow() => {}
            Fact::Contains(_) if width == Width::Wide => {}
            fact => return Ok(open.branch.take(fact)),
        }
        Ok(true)
    }

    /// Returns a schema's facts, which are read once.
    fn facts(&mut self, node: Node) -> Result<Rc<[KeywordFact]>, SchemaError> {
        if let Some(facts) = self.facts.get(&node) {
            return Ok(facts.clone());
        }
        let origin = Origin { node, keyword: "schema" };
        if self.document.len() > self.limits.schemas {
            return Err(self
                .refusal(origin, format!("the schema contains more than {} schemas", self.limits.schemas)));
        }
        let facts: Rc<[KeywordFact]> =
            Reader::new(&mut self.document, &mut self.regexes, node).read()?.into();
        self.effort.spend(facts.len()).map_err(|why| self.refusal(origin, why))?;
        self.facts.insert(node, facts.clone());
        Ok(facts)
    }

    /// Rejects a schema that refers to itself for the same value.
    fn check_not_circular(&mut self, node: Node) -> Result<(), SchemaError> {
        match self.not_circular.get(&node) {
            Some(true) => return Ok(()),
            Some(false) => {
                let origin = Origin { node, keyword: "$ref" };
                return Err(self.refusal(origin, "no finite value satisfies it because it requires itself"));
            }
            None => drop(self.not_circular.insert(node, false)),
        }
        let facts = self.facts(node)?;
        let mut within = Vec::new();
        facts.iter().for_each(|keyword_fact| in_place(&keyword_fact.fact, &mut within));
        within.into_iter().try_for_each(|node| self.check_not_circular(node))?;
        self.not_circular.insert(node, true);
        Ok(())
    }

    /// The branch without the parts whose patterns match nothing; `None` if nothing is left.
    fn whole(
        &mut self,
        mut branch: Branch,
        width: Width,
        depth: usize,
    ) -> Result<Option<Branch>, SchemaError> {
        if branch.kinds.has(Kinds::STRING) && !self.has_text(&mut branch, width) {
            branch.kinds = branch.kinds.without(Kinds::STRING);
        }
        if width == Width::Wide && branch.kinds.has(Kinds::OBJECT) && depth < MAX_PROOF_DEPTH {
            for name in branch.object.required.clone() {
                let demand = self.member(&branch, &name);
                if self.solve_within(&demand, Width::Wide, depth + 1)?.is_empty() {
                    branch.kinds = branch.kinds.without(Kinds::OBJECT);
                    break;
                }
            }
        }
        Ok((!branch.kinds.is_empty()).then_some(branch))
    }

    fn has_text(&mut self, branch: &mut Branch, width: Width) -> bool {
        let text = &mut branch.text;
        let patterns: Vec<Rc<str>> = text
            .patterns
            .iter()
            .map(|pattern| match (width, &pattern.wide) {
                (Width::Wide, Some(wide)) => wide.clone(),
                _ => pattern.enforced.clone(),
            })
            .collect();
        if let Some(only) = &text.only {
            let fits = |text: &&String, least: u64, most: Option<u64>| {
                let length = text.chars().count() as u64;
                least <= length && most.is_none_or(|most| length <= most)
            };
            let enforced: BTreeSet<String> = only
                .iter()
                .filter(|only| fits(only, text.least, text.most))
                .filter(|only| {
                    patterns.iter().all(|pattern| {
                        // If a match takes too long to decide, it is assumed for proofs and
                        // excluded from writing.
                        self.regexes.matches(pattern, only).unwrap_or(width == Width::Wide)
                    })
                })
                .cloned()
                .collect();
            text.only = Some(enforced);
            return text.only.as_ref().is_some_and(|only| !only.is_empty());
        }
        if patterns.is_empty() {
            return true;
        }
        let patterns: Vec<&str> = patterns.iter().map(|pattern| &**pattern).collect();
        let texts = Texts { patterns: &patterns, least: text.least, most: text.most };
        self.regexes.is_empty(texts) != Some(true)
    }

    /// The demand on an object's member with this name.
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
            // A very large number of overlaps proves nothing and isn't searched again.
            Err(_) if self.effort.is_left() => {
                self.known.insert((both, Width::Wide), [Branch::any()].into());
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// The names that the schemas of a `oneOf` mention.
    fn hints(&mut self, nodes: &[Node]) -> Result<Hints, SchemaError> {
        let mut names = BTreeSet::new();
        let mut open: Vec<Node> = nodes.to_vec();
        let mut seen = HashSet::new();
        while let Some(node) = open.pop() {
            if !seen.insert(node) || names.len() >= MAX_HINTS {
                continue;
            }
            for keyword_fact in self.facts(node)?.iter() {
                match &keyword_fact.fact {
                    Fact::Is(node) => open.push(*node),
                    Fact::Members(members) => {
                        names.extend(members.named.iter().map(|(name, _)| name.clone()))
                    }
                    Fact::Required(name) => drop(names.insert(name.clone())),
                    _ => {}
                }
            }
        }
        Ok(names.into_iter().take(MAX_HINTS).collect())
    }
}

/// Whether a choice comes from a keyword about consequences.
fn is_conditional(origin: Origin) -> bool {
    ["if", "dependencies", "dependentRequired", "dependentSchemas"].contains(&origin.keyword)
}

/// The schemas that a fact applies to the same value.
fn in_place(fact: &Fact, into: &mut Vec<Node>) {
    match fact {
        Fact::Is(node) | Fact::Not(node, _) => into.push(*node),
        Fact::AnyOf(options) => options.iter().flatten().for_each(|fact| in_place(fact, into)),
        Fact::OneOf(nodes) => into.extend(nodes.iter()),
        _ => {}
    }
}

fn keyword_fact(node: Node, fact: Fact) -> KeywordFact {
    KeywordFact { origin: Origin { node, keyword: "schema" }, fact }
}
