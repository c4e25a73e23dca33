//! Validates finished answers to schemas that the grammar enforces only partially.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use serde_json::Value;

use super::document::{Document, Node};
use super::effort::{Effort, Halt};
use super::fact::{Contains, Fact, Items, KeywordFact, Literal, Members};
use super::kinds::Kinds;
use super::number::Number;
use super::read::Reader;
use super::regexes::{Regexes, Translated};
use crate::{Limits, SchemaError};

/// Validates answers to one schema.
#[derive(Clone, Debug)]
pub(crate) struct SchemaValidator {
    schema: Arc<Value>,
    steps: u64,
    patterns: Arc<Translated>,
    /// The keyword that an answer may violate.
    broken: SchemaError,
}

impl SchemaValidator {
    pub(super) fn new(schema: &Value, limits: &Limits, patterns: Translated, broken: SchemaError) -> Self {
        let (schema, patterns) = (Arc::new(schema.clone()), Arc::new(patterns));
        Self { schema, steps: limits.schema_steps, patterns, broken }
    }

    /// The keyword that the grammar enforces only partially.
    pub(crate) fn keyword(&self) -> &SchemaError {
        &self.broken
    }

    /// # Errors
    /// Fails if the value is invalid, or if validation takes too long.
    pub(crate) fn validate(&self, value: &Value) -> Result<(), SchemaError> {
        let mut document = Document::new(&self.schema);
        let root = document.root();
        let mut validation = Validation {
            document,
            regexes: Regexes::with_translations(self.patterns.clone()),
            effort: Effort::new(self.steps, Halt::default()),
            facts: HashMap::new(),
            known: HashMap::new(),
        };
        match validation.satisfies(root, value, Width::Strict) {
            Ok(true) => Ok(()),
            Ok(false) | Err(Undecided) => Err(self.broken.clone()),
        }
    }
}

/// Validation took too long.
struct Undecided;

/// How formats are read: as what the grammar writes, or as everything that some validator accepts.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Width {
    Strict,
    Wide,
}

struct Validation<'a> {
    document: Document<'a>,
    regexes: Regexes,
    effort: Effort,
    facts: HashMap<Node, Rc<[KeywordFact]>>,
    /// Values are identified by their addresses.
    known: HashMap<(Node, *const Value, Width), bool>,
}

impl Validation<'_> {
    fn satisfies(&mut self, node: Node, value: &Value, width: Width) -> Result<bool, Undecided> {
        let key = (node, std::ptr::from_ref(value), width);
        if let Some(known) = self.known.get(&key) {
            return Ok(*known);
        }
        let mut holds = true;
        for keyword_fact in self.facts(node)?.iter() {
            let is_open = width == Width::Wide && keyword_fact.origin.is_narrow();
            holds = holds && (is_open || self.holds(&keyword_fact.fact, value, width)?);
        }
        self.known.insert(key, holds);
        Ok(holds)
    }

    fn facts(&mut self, node: Node) -> Result<Rc<[KeywordFact]>, Undecided> {
        if let Some(facts) = self.facts.get(&node) {
            return Ok(facts.clone());
        }
        let facts = Reader::new(&mut self.document, &mut self.regexes, node).read();
        let facts: Rc<[KeywordFact]> = facts.map_err(|_| Undecided)?.into();
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
                self.regexes.matches(wide.unwrap_or(&pattern.enforced), text).unwrap_or(!strict)
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
                    // A temporary value's address may be reused for the next one.
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

/// Renders the value as text that is the same for equal values: members sorted by name, numbers as
/// doubles.
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
