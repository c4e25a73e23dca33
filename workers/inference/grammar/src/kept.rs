use std::collections::VecDeque;

use crate::{Constraint, Rule};

/// The grammars of the rules that were used last, before any token. The oldest makes room.
#[derive(Debug)]
pub(crate) struct Kept {
    most: usize,
    grammars: VecDeque<(Rule, Constraint)>,
}

impl Kept {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, grammars: VecDeque::new() }
    }

    pub(crate) fn find(&mut self, rule: &Rule) -> Option<Constraint> {
        self.grammars.retain(|(_, constraint)| !constraint.is_spent());
        let place = self.grammars.iter().position(|(kept, _)| kept == rule)?;
        let grammar = self.grammars.remove(place)?;
        let constraint = grammar.1.clone();
        self.grammars.push_front(grammar);
        Some(constraint)
    }

    pub(crate) fn keep(&mut self, rule: &Rule, constraint: &Constraint) {
        if self.most == 0 {
            return;
        }
        self.grammars.truncate(self.most - 1);
        self.grammars.push_front((rule.clone(), constraint.clone()));
    }
}
