//! Whether a finished answer is valid, for schemas that the grammar keeps only in part.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use serde_json::Value;

use super::document::{Document, Node};
use super::effort::{Effort, Halt};
use super::fact::{Contains, Fact, Items, Literal, Members, Noted};
use super::kinds::Kinds;
use super::number::Number;
use super::read::Reader;
use super::regexes::{Regexes, Translated};
use crate::{Limits, SchemaError};

/// Judges answers to one schema.
#[derive(Clone, Debug)]
pub(crate) struct Judge {
    schema: Arc<Value>,
    steps: u64,
    patterns: Arc<Translated>,
    /// The keyword that an answer may break.
    broken: SchemaError,
}

impl Judge {
    pub(super) fn new(schema: &Value, limits: &Limits, patterns: Translated, broken: SchemaError) -> Self {
        let (schema, patterns) = (Arc::new(schema.clone()), Arc::new(patterns));
        Self { schema, steps: limits.schema_steps, patterns, broken }
    }

    /// The keyword that the grammar keeps only in part.
    pub(crate) fn keyword(&self) -> &SchemaError {
        &self.broken
    }

    /// # Errors
    /// If the value isn't valid, or if it takes too long to tell.
    pub(crate) fn judge(&self, value: &Value) -> Result<(), SchemaError> {
        let mut document = Document::new(&self.schema);
        let root = document.root();
        let mut court = Court {
            document,
            regexes: Regexes::knowing(self.patterns.clone()),
            effort: Effort::new(self.steps, Halt::default()),
            facts: HashMap::new(),
            known: HashMap::new(),
        };
        match court.satisfies(root, value, Width::Strict) {
            Ok(true) => Ok(()),
            Ok(false) | Err(Undecided) => Err(self.broken.clone()),
        }
    }
}

/// It took too long.
struct Undecided;

/// What formats mean: what the grammar writes for them, or all that any validator may take for them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Width {
    Strict,
    Wide,
}

struct Court<'a> {
    document: Document<'a>,
    regexes: Regexes,
    effort: Effort,
    facts: HashMap<Node, Rc<[Noted]>>,
    /// Values are told apart by their addresses.
    known: HashMap<(Node, *const Value, Width), bool>,
}

impl Court<'_> {
    fn satisfies(&mut self, node: Node, value: &Value, width: Width) -> Result<bool, Undecided> {
        let key = (node, std::ptr::from_ref(value), width);
        if let Some(known) = self.known.get(&key) {
            return Ok(*known);
        }
        let mut holds = true;
        for noted in self.facts(node)?.iter() {
            let is_open = width == Width::Wide && noted.origin.is_narrow();
            holds = holds && (is_open || self.holds(&noted.fact, value, width)?);
        }
        self.known.insert(key, holds);
        Ok(holds)
    }

    fn facts(&mut self, node: Node) -> Result<Rc<[Noted]>, Undecided> {
        if let Some(facts) = self.facts.get(&node) {
            return Ok(facts.clone());
        }
        let facts = Reader::new(&mut self.document, &mut self.regexes, node).read();
        let facts: Rc<[Noted]> = facts.map_err(|_| Undecided)?.into();
        self.facts.insert(node, facts.clone());
        Ok(facts)
    }

    fn literal(&mut self, literal: Literal, value: &Value, width: Width) -> Result<bool, Undecided> {
        match literal {
            Literal::Is(node) => self.satisfies(node, value, width),
            Literal::Not(node) => Ok(!self.satisfies(node, value, width.opposite())?),
        }
    }

    fn holds(&mut self, fact: &Fact, value: &Value, width: Width) -> Result<bool, Undecided> {
        self.effort.spend(1).map_err(|_| Undecided)?;
        match fact {
            Fact::Is(node) => return self.satisfies(*node, value, width),
            Fact::Not(node, _) => return self.literal(Literal::Not(*node), value, width),
            Fact::AnyOf(options) => {
                for option in options.iter() {
                    let mut all = true;
                    for fact in option {
                        all = all && self.holds(fact, value, width)?;
                    }
                    if all {
                        return Ok(true);
                    }
                }
                return Ok(false);
            }
            Fact::OneOf(nodes) => return self.one_of(nodes, value, width),
            Fact::Kinds(kinds) => return Ok(kinds.has(Kinds::of(value))),
            _ => {}
        }
        match value {
            Value::Number(number) => Ok(of_number(fact, number.as_f64().unwrap_or(f64::INFINITY))),
            Value::String(text) => Ok(self.of_text(fact, text, width)),
            Value::Array(items) => self.of_items(fact, items, width),
            Value::Object(members) => self.of_members(fact, members, width),
            Value::Null | Value::Bool(_) => Ok(match fact {
                Fact::Only(values) => values.contains(value),
                Fact::Except(other) => other != value,
                _ => true,
            }),
        }
    }

    /// Exactly one holds, and none of the others may hold for any validator.
    fn one_of(&mut self, nodes: &[Node], value: &Value, width: Width) -> Result<bool, Undecided> {
        let (mut strict, mut wide) = (0, 0);
        for node in nodes {
            strict += usize::from(self.satisfies(*node, value, Width::Strict)?);
            wide += usize::from(self.satisfies(*node, value, Width::Wide)?);
        }
        Ok(if width == Width::Strict { strict == 1 && wide == 1 } else { strict <= 1 && wide >= 1 })
    }

    fn of_text(&mut self, fact: &Fact, text: &str, width: Width) -> bool {
        let length = || text.chars().count() as u64;
        match fact {
            Fact::Only(values) => values.iter().any(|value| value.as_str() == Some(text)),
            Fact::Except(other) => other.as_str() != Some(text),
            Fact::LengthAtLeast(least) => length() >= *least,
            Fact::LengthAtMost(most) => length() <= *most,
            Fact::Pattern(pattern) => {
                let wide = pattern.wide.as_ref().filter(|_| width == Width::Wide);
                let strict = width == Width::Strict;
                self.regexes.matches(wide.unwrap_or(&pattern.kept), text).unwrap_or(!strict)
            }
            _ => true,
        }
    }

    fn of_items(&mut self, fact: &Fact, items: &[Value], width: Width) -> Result<bool, Undecided> {
        let length = items.len() as u64;
        Ok(match fact {
            Fact::ItemsAtLeast(least) => length >= *least,
            Fact::ItemsAtMost(most) => length <= *most,
            Fact::Items(Items { prefix, rest }) => {
                for (place, item) in items.iter().enumerate() {
                    let literal = prefix.get(place).copied().or(*rest);
                    if let Some(literal) = literal
                        && !self.literal(literal, item, width)?
                    {
                        return Ok(false);
                    }
                }
                true
            }
            Fact::Contains(Contains { node, least, most }) => {
                let (mut surely, mut perhaps) = (0, 0);
                for item in items {
                    surely += u64::from(self.satisfies(*node, item, width)?);
                    perhaps += u64::from(self.satisfies(*node, item, width.opposite())?);
                }
                surely >= *least && most.is_none_or(|most| perhaps <= most)
            }
            Fact::Unique => {
                let mut seen = BTreeSet::new();
                items.iter().all(|item| seen.insert(canonical(item)))
            }
            Fact::Only(_) => false,
            _ => true,
        })
    }

    fn of_members(
        &mut self,
        fact: &Fact,
        members: &serde_json::Map<String, Value>,
        width: Width,
    ) -> Result<bool, Undecided> {
        Ok(match fact {
            Fact::Required(name) => members.contains_key(name),
            Fact::Absent(name) => !members.contains_key(name),
            Fact::Member(name, literal) => match members.get(name) {
                Some(value) => self.literal(*literal, value, width)?,
                None => true,
            },
            Fact::MembersAtLeast(least) => members.len() as u64 >= *least,
            Fact::MembersAtMost(most) => members.len() as u64 <= *most,
            Fact::Members(schemas) => return self.are_members(schemas, members, width),
            Fact::Names(node) => {
                for name in members.keys() {
                    // A value of its own has an address that the next one may have too.
                    self.known.clear();
                    if !self.satisfies(*node, &Value::from(name.as_str()), width)? {
                        return Ok(false);
                    }
                }
                self.known.clear();
                true
            }
            Fact::Only(_) => false,
            _ => true,
        })
    }

    fn are_members(
        &mut self,
        schemas: &Members,
        members: &serde_json::Map<String, Value>,
        width: Width,
    ) -> Result<bool, Undecided> {
        for (name, value) in members {
            let mut demand = BTreeSet::new();
            schemas.of_name(name, |pattern| self.regexes.matches(pattern, name) != Some(false), &mut demand);
            for literal in demand {
                if !self.literal(literal, value, width)? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

impl Width {
    fn opposite(self) -> Self {
        match self {
            Self::Strict => Self::Wide,
            Self::Wide => Self::Strict,
        }
    }
}

fn of_number(fact: &Fact, number: f64) -> bool {
    let mut one = Number::default();
    match fact {
        Fact::Only(values) => return values.iter().any(|value| value.as_f64() == Some(number)),
        Fact::Except(other) => return other.as_f64() != Some(number),
        Fact::Whole => one.whole = true,
        Fact::Low(edge) => one.at_least(*edge),
        Fact::High(edge) => one.at_most(*edge),
        Fact::Multiple(divisor) => one.multiple_of(*divisor),
        _ => return true,
    }
    one.fits(number)
}

/// The value as text in which equal values are equal: members in the order of their names, numbers as doubles.
fn canonical(value: &Value) -> String {
    match value {
        Value::Number(number) => format!("{:?}", number.as_f64().unwrap_or_default() + 0.0),
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        Value::Object(members) => {
            let mut all: Vec<String> =
                members.iter().map(|(name, value)| format!("{name:?}:{}", canonical(value))).collect();
            all.sort();
            format!("{{{}}}", all.join(","))
        }
        other => other.to_string(),
    }
}
