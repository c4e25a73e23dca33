//! Negates facts.

use serde_json::Value;

use super::document::{Document, Node};
use super::fact::{Contains, Edge, Fact, Hints, Items, KeywordFact, Literal, Members, Pattern};
use super::kinds::Kinds;
use super::regexes::Regexes;

/// How many pairs of schemas are considered for the negation of `oneOf`.
const MAX_PAIRS: usize = 66;

pub(super) struct Negation<'n, 'a> {
    pub(super) document: &'n mut Document<'a>,
    pub(super) regexes: &'n mut Regexes,
    pub(super) hints: &'n Hints,
}

impl Negation<'_, '_> {
    /// The alternatives in which a keyword doesn't hold.
    pub(super) fn of_noted(&mut self, keyword_fact: &KeywordFact) -> Vec<Vec<Fact>> {
        if keyword_fact.origin.is_narrow() {
            vec![vec![Fact::Inexpressible]]
        } else {
            self.of(&keyword_fact.fact)
        }
    }

    /// The alternatives in which a fact doesn't hold; [`Fact::Inexpressible`] represents those that
    /// can't be expressed.
    pub(super) fn of(&mut self, fact: &Fact) -> Vec<Vec<Fact>> {
        let of = |kinds: Kinds, facts: Vec<Fact>| vec![[vec![Fact::Kinds(kinds)], facts].concat()];
        let other = |edge: Edge| Edge { value: edge.value, exclusive: !edge.exclusive };
        match fact {
            Fact::Is(node) => vec![vec![Fact::Not(*node, self.hints.clone())]],
            Fact::Not(node, _) => vec![vec![Fact::Is(*node)]],
            Fact::AnyOf(options) => {
                let all = options.iter().map(|option| {
                    let alternatives: Vec<Vec<Fact>> = option.iter().flat_map(|fact| self.of(fact)).collect();
                    Fact::AnyOf(alternatives.into())
                });
                vec![all.collect()]
            }
            Fact::OneOf(nodes) => self.not_one_of(nodes),
            Fact::Kinds(kinds) => vec![vec![Fact::Kinds(Kinds::ALL.without(*kinds))]],
            Fact::Low(edge) => of(Kinds::NUMBER, vec![Fact::High(other(*edge))]),
            Fact::High(edge) => of(Kinds::NUMBER, vec![Fact::Low(other(*edge))]),
            Fact::Only(values) => vec![values.iter().cloned().map(Fact::Except).collect()],
            Fact::Except(value) => vec![vec![Fact::Only([value.clone()].into())]],
            Fact::LengthAtLeast(0) | Fact::ItemsAtLeast(0) | Fact::MembersAtLeast(0) => Vec::new(),
            Fact::LengthAtLeast(least) => of(Kinds::STRING, vec![Fact::LengthAtMost(least - 1)]),
            Fact::LengthAtMost(most) => of(Kinds::STRING, vec![Fact::LengthAtLeast(most + 1)]),
            Fact::ItemsAtLeast(least) => of(Kinds::ARRAY, vec![Fact::ItemsAtMost(least - 1)]),
            Fact::ItemsAtMost(most) => of(Kinds::ARRAY, vec![Fact::ItemsAtLeast(most + 1)]),
            Fact::Items(items) => self.not_items(items),
            Fact::Contains(Contains { node, least, most }) => {
                let contains = |least, most| Fact::Contains(Contains { node: *node, least, most });
                let fewer = least.checked_sub(1).map(|most| contains(0, Some(most)));
                let more = most.map(|most| contains(most + 1, None));
                fewer.into_iter().chain(more).flat_map(|fact| of(Kinds::ARRAY, vec![fact])).collect()
            }
            Fact::Pattern(pattern) => match self.not_pattern(pattern) {
                Some(pattern) => of(Kinds::STRING, vec![Fact::Pattern(pattern)]),
                None => vec![vec![Fact::Inexpressible]],
            },
            Fact::Members(members) => self.not_members(members),
            Fact::Required(name) => of(Kinds::OBJECT, vec![Fact::Absent(name.clone())]),
            Fact::Absent(name) => of(Kinds::OBJECT, vec![Fact::Required(name.clone())]),
            Fact::Member(name, literal) => vec![member(name, opposite(*literal))],
            Fact::MembersAtLeast(least) => of(Kinds::OBJECT, vec![Fact::MembersAtMost(least - 1)]),
            Fact::MembersAtMost(most) => of(Kinds::OBJECT, vec![Fact::MembersAtLeast(most + 1)]),
            Fact::Whole | Fact::Multiple(_) | Fact::Unique | Fact::Names(_) | Fact::Inexpressible => {
                vec![vec![Fact::Inexpressible]]
            }
        }
    }

    /// Texts that no validator accepts for a pattern.
    fn not_pattern(&mut self, pattern: &Pattern) -> Option<Pattern> {
        let Pattern { enforced, wide } = pattern;
        let Some(wide) = wide else {
            return Some(Pattern { enforced: self.regexes.but(enforced)?.into(), wide: None });
        };
        let none = self.regexes.but(wide).filter(|none| self.regexes.is_possible(none))?;
        let some = self.regexes.but(enforced).unwrap_or_else(|| "^(?s:.*)$".to_owned());
        Some(Pattern { enforced: none.into(), wide: Some(some.into()) })
    }

    fn not_one_of(&self, nodes: &[Node]) -> Vec<Vec<Fact>> {
        let none = nodes.iter().map(|node| Fact::Not(*node, self.hints.clone())).collect();
        let pairs = nodes.iter().enumerate().flat_map(|(place, left)| {
            nodes[place + 1..].iter().map(|right| vec![Fact::Is(*left), Fact::Is(*right)])
        });
        let mut alternatives = vec![none];
        alternatives.extend(pairs.take(MAX_PAIRS));
        if alternatives.len() > MAX_PAIRS {
            alternatives.push(vec![Fact::Inexpressible]);
        }
        alternatives
    }

    fn not_items(&mut self, items: &Items) -> Vec<Vec<Fact>> {
        let free = Literal::Is(self.document.made("true".to_owned(), Value::Bool(true)));
        let at = |place: usize, literal: Literal| {
            let mut prefix = vec![free; place];
            prefix.push(opposite(literal));
            let items = Fact::Items(Items { prefix, rest: None });
            vec![Fact::Kinds(Kinds::ARRAY), Fact::ItemsAtLeast(place as u64 + 1), items]
        };
        let mut alternatives: Vec<Vec<Fact>> =
            items.prefix.iter().enumerate().map(|(place, literal)| at(place, *literal)).collect();
        if let Some(rest) = items.rest {
            // Any later item may violate it, but those have no requirements of their own.
            alternatives.push(at(items.prefix.len(), rest));
            alternatives.push(vec![Fact::Inexpressible]);
        }
        alternatives
    }

    fn not_members(&mut self, members: &Members) -> Vec<Vec<Fact>> {
        let mut alternatives: Vec<Vec<Fact>> =
            members.named.iter().map(|(name, node)| member(name, Literal::Not(*node))).collect();
        let is_free = |document: &Document<'_>, node: Node| match document.schema(node).get() {
            Value::Bool(free) => *free,
            Value::Object(keywords) => keywords.is_empty(),
            _ => false,
        };
        if let Some(others) = members.others.filter(|others| !is_free(self.document, *others)) {
            for name in self.hints.iter() {
                let is_named = members.named.iter().any(|(known, _)| known == name);
                let is_matched = members
                    .patterns
                    .iter()
                    .any(|(pattern, _)| self.regexes.matches(pattern, name) != Some(false));
                if !is_named && !is_matched {
                    alternatives.push(member(name, Literal::Not(others)));
                }
            }
            alternatives.push(vec![Fact::Inexpressible]);
        }
        if members.patterns.iter().any(|(_, node)| !is_free(self.document, *node)) {
            alternatives.push(vec![Fact::Inexpressible]);
        }
        alternatives
    }
}

fn member(name: &str, literal: Literal) -> Vec<Fact> {
    vec![Fact::Kinds(Kinds::OBJECT), Fact::Required(name.to_owned()), Fact::Member(name.to_owned(), literal)]
}

fn opposite(literal: Literal) -> Literal {
    match literal {
        Literal::Is(node) => Literal::Not(node),
        Literal::Not(node) => Literal::Is(node),
    }
}
