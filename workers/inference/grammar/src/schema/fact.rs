//! What a schema says of a value, in small pieces.

use std::collections::BTreeSet;
use std::rc::Rc;

use serde_json::Value;

use super::document::Node;
use super::kinds::Kinds;

/// A schema that a value satisfies, or doesn't.
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

/// Schemas that one value satisfies all of.
pub(super) type Demand = BTreeSet<Literal>;

/// Where a fact comes from, to say so where it can't be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) node: Node,
    pub(super) keyword: &'static str,
}

impl Origin {
    /// Whether the facts of the keyword say more than it does, since what is evaluated only in some cases is left out.
    pub(super) fn is_narrow(&self) -> bool {
        ["unevaluatedProperties", "unevaluatedItems"].contains(&self.keyword)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Noted {
    pub(super) origin: Origin,
    pub(super) fact: Fact,
}

/// Names that objects around here may have, for telling apart those that allow only some.
pub(super) type Hints = Rc<[String]>;

#[derive(Clone, Debug)]
pub(super) enum Fact {
    Is(Node),
    Not(Node, Hints),
    /// One of these lists of facts holds.
    AnyOf(Rc<[Vec<Fact>]>),
    OneOf(Rc<[Node]>),
    Kinds(Kinds),
    /// A number is whole.
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
    /// Nothing of our means says it.
    Unkept,
}

/// A bound of a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Edge {
    pub(super) value: f64,
    pub(super) exclusive: bool,
}

/// A pattern that is kept, and one that matches at least what validators let through by it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pattern {
    pub(super) kept: Rc<str>,
    pub(super) wide: Option<Rc<str>>,
}

/// How many items of an array satisfy a schema.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contains {
    pub(super) node: Node,
    pub(super) least: u64,
    pub(super) most: Option<u64>,
}

/// What one schema says of an array's items.
#[derive(Clone, Debug, Default)]
pub(super) struct Items {
    pub(super) prefix: Vec<Literal>,
    pub(super) rest: Option<Literal>,
}

/// What one schema says of an object's members.
#[derive(Clone, Debug, Default)]
pub(super) struct Members {
    pub(super) named: Vec<(String, Node)>,
    pub(super) patterns: Vec<(String, Node)>,
    pub(super) others: Option<Node>,
}
