//! One way to satisfy a demand: the possible kinds of the value, and the requirements for each
//! kind.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde_json::Value;

use super::document::Node;
use super::fact::{Contains, Demand, Fact, Items, Literal, Members, Pattern};
use super::kinds::Kinds;
use super::number::Number;

#[derive(Clone, Debug)]
pub(super) struct Branch {
    pub(super) kinds: Kinds,
    pub(super) number: Number,
    pub(super) text: Text,
    pub(super) array: Array,
    pub(super) object: Object,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Text {
    pub(super) least: u64,
    pub(super) most: Option<u64>,
    pub(super) patterns: BTreeSet<Pattern>,
    pub(super) only: Option<BTreeSet<String>>,
    pub(super) except: BTreeSet<String>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Array {
    pub(super) least: u64,
    pub(super) most: Option<u64>,
    pub(super) items: Vec<Items>,
    pub(super) contains: Vec<Contains>,
    pub(super) unique: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Object {
    pub(super) members: Vec<Rc<Members>>,
    pub(super) required: Vec<String>,
    pub(super) absent: BTreeSet<String>,
    pub(super) demands: BTreeMap<String, Demand>,
    pub(super) least: u64,
    pub(super) most: Option<u64>,
    pub(super) names: Vec<Node>,
}

impl Branch {
    pub(super) fn any() -> Self {
        Self {
            kinds: Kinds::ALL,
            number: Number::default(),
            text: Text::default(),
            array: Array::default(),
            object: Object::default(),
        }
    }

    /// Whether there are no requirements.
    pub(super) fn is_any(&self) -> bool {
        let Array { least, most, items, contains, unique } = &self.array;
        let free_array = *least == 0 && most.is_none() && items.is_empty() && contains.is_empty() && !unique;
        self.kinds == Kinds::ALL
            && self.number.is_any()
            && self.text == Text::default()
            && free_array
            && self.object.is_any()
    }

    /// Adds a fact that leaves no choice; false if no value is left.
    pub(super) fn take(&mut self, fact: Fact) -> bool {
        let (array, object, text) = (&mut self.array, &mut self.object, &mut self.text);
        match fact {
            Fact::Kinds(kinds) => self.kinds = self.kinds.and(kinds),
            Fact::Whole => self.number.whole = true,
            Fact::Low(edge) => self.number.at_least(edge),
            Fact::High(edge) => self.number.at_most(edge),
            Fact::Multiple(divisor) => self.number.multiple_of(divisor),
            Fact::Only(values) => self.only(&values),
            Fact::Except(value) => self.except(value),
            Fact::LengthAtLeast(least) => text.least = text.least.max(least),
            Fact::LengthAtMost(most) => text.most = Some(text.most.map_or(most, |known| known.min(most))),
            Fact::Pattern(pattern) => drop(text.patterns.insert(pattern)),
            Fact::ItemsAtLeast(least) => array.least = array.least.max(least),
            Fact::ItemsAtMost(most) => array.most = Some(array.most.map_or(most, |known| known.min(most))),
            Fact::Items(items) => array.items.push(items),
            Fact::Contains(contains) => array.contains.push(contains),
            Fact::Unique => array.unique = true,
            Fact::Members(members) => object.members.push(members),
            Fact::Required(name) => {
                if !object.required.contains(&name) {
                    object.required.push(name);
                }
            }
            Fact::Absent(name) => drop(object.absent.insert(name)),
            Fact::Member(name, literal) => drop(object.demands.entry(name).or_default().insert(literal)),
            Fact::MembersAtLeast(least) => object.least = object.least.max(least),
            Fact::MembersAtMost(most) => {
                object.most = Some(object.most.map_or(most, |known| known.min(most)));
            }
            Fact::Names(node) => object.names.push(node),
            Fact::Is(_) | Fact::Not(..) | Fact::AnyOf(_) | Fact::OneOf(_) | Fact::Inexpressible => {}
        }
        self.drop_contradictions();
        !self.kinds.is_empty()
    }

    /// Removes the kinds that have no value left, as far as the bounds alone show.
    fn drop_contradictions(&mut self) {
        let mut gone = Kinds::NONE;
        if self.number.is_empty() {
            gone = gone.or(Kinds::NUMBER);
        }
        let text = &self.text;
        if text.most.is_some_and(|most| most < text.least)
            || text.only.as_ref().is_some_and(BTreeSet::is_empty)
        {
            gone = gone.or(Kinds::STRING);
        }
        let is_impossible = |contains: &Contains| contains.most.is_some_and(|most| most < contains.least);
        if self.array.most.is_some_and(|most| most < self.array.min_items())
            || self.array.contains.iter().any(is_impossible)
        {
            gone = gone.or(Kinds::ARRAY);
        }
        let object = &self.object;
        let needs = object.least.max(object.required.len() as u64);
        if object.most.is_some_and(|most| most < needs)
            || object.required.iter().any(|name| object.absent.contains(name))
        {
            gone = gone.or(Kinds::OBJECT);
        }
        self.kinds = self.kinds.without(gone);
    }

    fn only(&mut self, values: &[Value]) {
        self.kinds = self.kinds.and(values.iter().map(Kinds::of).fold(Kinds::NONE, Kinds::or));
        self.number.only(values.iter().filter_map(Value::as_f64).collect());
        let texts = values.iter().filter_map(Value::as_str);
        let texts: BTreeSet<String> = match &self.text.only {
            None => texts.map(str::to_owned).collect(),
            Some(known) => texts.filter(|text| known.contains(*text)).map(str::to_owned).collect(),
        };
        self.text.only = Some(texts.into_iter().filter(|text| !self.text.except.contains(text)).collect());
    }

    fn except(&mut self, value: Value) {
        match value {
            Value::Number(number) => self.number.except(number.as_f64().unwrap_or_default()),
            Value::String(text) => {
                if let Some(only) = &mut self.text.only {
                    only.remove(&text);
                }
                self.text.except.insert(text);
            }
            Value::Null | Value::Bool(_) => self.kinds = self.kinds.without(Kinds::of(&value)),
            Value::Array(_) | Value::Object(_) => {}
        }
    }
}

impl Array {
    /// How many items have requirements of their own, by position.
    pub(super) fn places(&self) -> usize {
        let prefix = self.items.iter().map(|items| items.prefix.len()).max().unwrap_or(0);
        self.contains.iter().map(Contains::places).fold(prefix, usize::max)
    }

    /// The demand on the item at a position. The items that an array must contain come first.
    pub(super) fn at(&self, place: usize) -> Demand {
        let own = self.items.iter().filter_map(|items| items.prefix.get(place).copied().or(items.rest));
        own.chain(self.contains.iter().filter_map(|contains| contains.at(place))).collect()
    }

    /// The demand on items after all those positions.
    pub(super) fn rest(&self) -> Demand {
        let own = self.items.iter().filter_map(|items| items.rest);
        own.chain(self.contains.iter().filter_map(|contains| contains.at(usize::MAX))).collect()
    }

    /// The minimum number of items.
    pub(super) fn min_items(&self) -> u64 {
        self.contains.iter().map(|contains| contains.least).fold(self.least, u64::max)
    }
}

impl Contains {
    fn places(&self) -> usize {
        self.most.unwrap_or(self.least).max(self.least) as usize
    }

    fn at(&self, place: usize) -> Option<Literal> {
        if (place as u64) < self.least {
            return Some(Literal::Is(self.node));
        }
        self.most.filter(|most| place as u64 >= *most).map(|_| Literal::Not(self.node))
    }
}

impl Object {
    fn is_any(&self) -> bool {
        self.members.is_empty()
            && self.required.is_empty()
            && self.absent.is_empty()
            && self.demands.is_empty()
            && self.least == 0
            && self.most.is_none()
            && self.names.is_empty()
    }

    /// All names with requirements of their own, in the order of the schemas.
    pub(super) fn known(&self) -> Vec<String> {
        let named = self.members.iter().flat_map(|members| members.named.iter().map(|(name, _)| name));
        let mut seen = BTreeSet::new();
        let all = named.chain(&self.required).chain(self.demands.keys()).chain(&self.absent);
        all.filter(|name| seen.insert(*name)).cloned().collect()
    }
}

impl Members {
    /// Adds the demand on a member with this name; `matches` says whether a pattern matches it.
    pub(super) fn of_name(&self, name: &str, mut matches: impl FnMut(&str) -> bool, into: &mut Demand) {
        let named = self.named.iter().find(|(known, _)| known == name).map(|(_, node)| *node);
        let matching = self.patterns.iter().filter(|(pattern, _)| matches(pattern)).map(|(_, node)| *node);
        let found: Vec<Node> = named.into_iter().chain(matching).collect();
        match self.others.filter(|_| found.is_empty()) {
            Some(others) => drop(into.insert(Literal::Is(others))),
            None => into.extend(found.into_iter().map(Literal::Is)),
        }
    }
}
