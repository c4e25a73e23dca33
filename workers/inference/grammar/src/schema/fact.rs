//! Breaks the meaning of a schema into small facts about a value.

use std::collections::BTreeSet;
use std::rc::Rc;

use serde_json::Value;

use super::document::Node;
use super::kinds::Kinds;

/// A schema that a value must satisfy, or must not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Literal {
    Is(Node),
    Not(Node),
}

impl Literal {
    pub(super) fn node(self) -> Node {
        match self {
            Self::Is(node) | Self::Not(node) => node,
        }
    }
}

/// Schemas that one value must satisfy together.
pub(super) type Demand = BTreeSet<Literal>;

/// The origin of a fact, for error messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) node: Node,
    pub(super) keyword: &'static str,
}

impl Origin {
    /// Whether the keyword's facts are stricter than the keyword, because parts evaluated only in
    /// some cases are ignored.
    pub(super) fn is_narrow(&self) -> bool {
        ["unevaluatedProperties", "unevaluatedItems"].contains(&self.keyword)
    }
}

#[derive(Clone, Debug)]
pub(super) struct KeywordFact {
    pub(super) origin: Origin,
    pub(super) fact: Fact,
}

/// Names that objects here may have, to distinguish schemas that allow only some of them.
pub(super) type Hints = Rc<[String]>;

#[derive(Clone, Debug)]
pub(super) enum Fact {
    Is(Node),
    Not(Node, Hints),
    /// At least one of these lists of facts holds.
    AnyOf(Rc<[Vec<Fact>]>),
    OneOf(Rc<[Node]>),
    Kinds(Kinds),
    /// A number is an integer.
    Whole,
    Low(Edge),
    High(Edge),
    Multiple(f64),
    /// A null, boolean, number or string is one of these.
    Only(Rc<[Value]>),
    /// A null, boolean, number or string isn't this one.
    Except(Value),
    LengthAtLeast(u64),
    LengthAtMost(u64),
    Pattern(Pattern),
    ItemsAtLeast(u64),
    ItemsAtMost(u64),
    Items(Items),
    Contains(Contains),
    Unique,
    Members(Rc<Members>),
    Required(String),
    Absent(String),
    Member(String, Literal),
    MembersAtLeast(u64),
    MembersAtMost(u64),
    Names(Node),
    /// Can't be expressed by the other facts.
    Inexpressible,
}

/// A bound of a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Edge {
    pub(super) value: f64,
    pub(super) exclusive: bool,
}

/// The pattern that we enforce, and one that matches at least everything that validators accept for
/// it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pattern {
    pub(super) enforced: Rc<str>,
    pub(super) wide: Option<Rc<str>>,
}

/// How many items of an array must satisfy a schema.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contains {
    pub(super) node: Node,
    pub(super) least: u64,
    pub(super) most: Option<u64>,
}

/// One schema's requirements for an array's items.
#[derive(Clone, Debug, Default)]
pub(super) struct Items {
    pub(super) prefix: Vec<Literal>,
    pub(super) rest: Option<Literal>,
}

/// One schema's requirements for an object's members.
#[derive(Clone, Debug, Default)]
pub(super) struct Members {
    pub(super) named: Vec<(String, Node)>,
    pub(super) patterns: Vec<(String, Node)>,
    pub(super) others: Option<Node>,
}
