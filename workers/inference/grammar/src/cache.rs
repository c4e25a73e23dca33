use std::collections::VecDeque;
use std::fmt;

use llguidance::TokenParser;

use crate::{Constraint, Rule};

/// The grammars of the most recently used rules, before any token. The oldest is evicted first.
pub(crate) struct GrammarCache {
    most: usize,
    most_bytes: usize,
    grammars: VecDeque<Grammar>,
}

struct Grammar {
    rule: Rule,
    rule_bytes: usize,
    constraint: Constraint,
    /// Shares the lexer's states, which grow with every answer.
    parser: TokenParser,
}

impl GrammarCache {
    pub(crate) fn new(most: usize, most_bytes: usize) -> Self {
        Self { most, most_bytes, grammars: VecDeque::new() }
    }

    pub(crate) fn find(&mut self, rule: &Rule) -> Option<Constraint> {
        self.grammars.retain(|grammar| !grammar.constraint.is_spent());
        let place = self.grammars.iter().position(|grammar| grammar.rule == *rule)?;
        let grammar = self.grammars.remove(place)?;
        let constraint = grammar.constraint.clone();
        self.grammars.push_front(grammar);
        self.make_room();
        Some(constraint)
    }

    pub(crate) fn keep(&mut self, rule: &Rule, constraint: &Constraint, parser: TokenParser) {
        if self.most == 0 {
            return;
        }
        self.grammars.truncate(self.most - 1);
        let (rule, constraint) = (rule.clone(), constraint.clone());
        self.grammars.push_front(Grammar { rule_bytes: rule.bytes(), rule, constraint, parser });
        self.make_room();
    }

    /// Evicts the oldest grammars until the rest fits.
    fn make_room(&mut self) {
        let mut total = 0;
        let fitting = self.grammars.iter().take_while(|grammar| {
            total += grammar.bytes();
            total <= self.most_bytes
        });
        self.grammars.truncate(fitting.count());
    }
}

impl Grammar {
    fn bytes(&self) -> usize {
        self.rule_bytes + self.parser.parser.lexer_stats().num_bytes
    }
}

impl fmt::Debug for GrammarCache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Kept").field("grammars", &self.grammars.len()).finish_non_exhaustive()
    }
}
