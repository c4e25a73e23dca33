//! Turns an automaton into a pattern without assertions, by state elimination (Brzozowski and
//! McCluskey, "Signal flow graph techniques for sequential circuit state diagrams", 1963).

use std::collections::{BTreeMap, BTreeSet};

use regex_syntax::hir::ClassUnicode;

use super::ast::Ast;
use super::budget::Budget;
use super::dfa::Dfa;

/// How many parts a pattern may have.
const MAX_PARTS: usize = 20_000;

/// Returns the pattern, or `None` if it would be too long.
pub(super) fn pattern(dfa: &Dfa, budget: &mut Budget) -> Option<Ast> {
    let mut graph = Graph::new(dfa);
    while let Some(state) = graph.cheapest() {
        budget.spend(graph.edges.len() / 4)?;
        graph.take_out(state, budget)?;
    }
    Some(graph.between(START, END).cloned().unwrap_or_else(Ast::nothing))
}

/// Nodes before the first state and after the last; the states come after these.
const START: usize = 0;
const END: usize = 1;

struct Graph {
    edges: BTreeMap<(usize, usize), (Ast, usize)>,
    states: BTreeSet<usize>,
    size: usize,
}

impl Graph {
    fn new(dfa: &Dfa) -> Self {
        let mut graph = Self { edges: BTreeMap::new(), states: BTreeSet::new(), size: 0 };
        let live = live(dfa);
        for state in (0..dfa.next.len()).filter(|state| live[*state]) {
            graph.states.insert(state + 2);
            let mut sets: BTreeMap<usize, ClassUnicode> = BTreeMap::new();
            for (class, next) in dfa.next[state].iter().enumerate().filter(|(_, next)| live[**next]) {
                sets.entry(*next).or_insert_with(ClassUnicode::empty).union(&dfa.classes[class]);
            }
            for (next, set) in sets {
                graph.add(state + 2, next + 2, Ast::Chars(set));
            }
            if dfa.ends[state] {
                graph.add(state + 2, END, Ast::empty());
            }
        }
        if live[0] {
            graph.add(START, 2, Ast::empty());
        }
        graph
    }

    fn between(&self, from: usize, to: usize) -> Option<&Ast> {
        self.edges.get(&(from, to)).map(|(tree, _)| tree)
    }

    fn add(&mut self, from: usize, to: usize, tree: Ast) {
        let tree = match self.remove(from, to) {
            Some(known) => Ast::choice([known, tree]),
            None => tree,
        };
        let size = tree.size();
        self.size += size;
        self.edges.insert((from, to), (tree, size));
    }

    fn remove(&mut self, from: usize, to: usize) -> Option<Ast> {
        let (tree, size) = self.edges.remove(&(from, to))?;
        self.size -= size;
        Some(tree)
    }

    /// Returns the state whose elimination adds the least to the edges.
    fn cheapest(&self) -> Option<usize> {
        let mut costs: BTreeMap<usize, [usize; 5]> = BTreeMap::new();
        for ((from, to), (_, size)) in &self.edges {
            if from == to {
                costs.entry(*from).or_default()[4] += size;
                continue;
            }
            let [_, _, outs, out_size, _] = costs.entry(*from).or_default();
            (*outs, *out_size) = (*outs + 1, *out_size + size);
            let [ins, in_size, ..] = costs.entry(*to).or_default();
            (*ins, *in_size) = (*ins + 1, *in_size + size);
        }
        let cost = |state: &usize| {
            let [ins, in_size, outs, out_size, own] = costs.get(state).copied().unwrap_or_default();
            let whole = ins * outs * own + in_size * outs + out_size * ins;
            whole.saturating_sub(in_size + out_size + own)
        };
        self.states.iter().min_by_key(|state| cost(state)).copied()
    }

    fn take_out(&mut self, state: usize, budget: &mut Budget) -> Option<()> {
        self.states.remove(&state);
        let own = self.remove(state, state);
        let ins: Vec<usize> =
            self.edges.keys().filter(|(_, to)| *to == state).map(|(from, _)| *from).collect();
        let outs: Vec<usize> =
            self.edges.keys().filter(|(from, _)| *from == state).map(|(_, to)| *to).collect();
        let into: Vec<(usize, Ast)> =
            ins.into_iter().filter_map(|from| self.remove(from, state).map(|tree| (from, tree))).collect();
        let out: Vec<(usize, Ast)> =
            outs.into_iter().filter_map(|to| self.remove(state, to).map(|tree| (to, tree))).collect();
        let own = own.map_or_else(Ast::empty, |own| Ast::repeat(own, 0, None));
        for (from, before) in &into {
            for (to, after) in &out {
                let through = Ast::sequence([before.clone(), own.clone(), after.clone()]);
                budget.spend(through.size())?;
                self.add(*from, *to, through);
                if self.size > MAX_PARTS {
                    return None;
                }
            }
        }
        Some(())
    }
}

/// Returns which states lead to an accepting one.
fn live(dfa: &Dfa) -> Vec<bool> {
    let mut live = dfa.ends.clone();
    loop {
        let mut grew = false;
        for state in 0..live.len() {
            if !live[state] && dfa.next[state].iter().any(|next| live[*next]) {
                live[state] = true;
                grew = true;
            }
        }
        if !grew {
            return live;
        }
    }
}
