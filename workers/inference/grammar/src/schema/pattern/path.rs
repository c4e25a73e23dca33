//! Makes a pattern without looks out of a machine, by taking out one state after the other (Brzozowski and McCluskey, "Signal
//! flow graph techniques for sequential circuit state diagrams", 1963).

use std::collections::{BTreeMap, BTreeSet};

use regex_syntax::hir::ClassUnicode;

use super::states::Machine;
use super::tree::Tree;

/// Parts of the longest pattern.
const MOST: usize = 20_000;

/// The pattern; `None` if it would be too long.
pub(super) fn pattern(machine: &Machine) -> Option<Tree> {
    let mut graph = Graph::new(machine);
    while let Some(state) = graph.cheapest() {
        graph.take_out(state);
        if graph.size > MOST {
            return None;
        }
    }
    Some(graph.between(START, END).cloned().unwrap_or_else(Tree::nothing))
}

/// Where texts begin and end; states are behind them.
const START: usize = 0;
const END: usize = 1;

struct Graph {
    edges: BTreeMap<(usize, usize), (Tree, usize)>,
    states: BTreeSet<usize>,
    size: usize,
}

impl Graph {
    fn new(machine: &Machine) -> Self {
        let mut graph = Self { edges: BTreeMap::new(), states: BTreeSet::new(), size: 0 };
        let live = live(machine);
        for state in (0..machine.next.len()).filter(|state| live[*state]) {
            graph.states.insert(state + 2);
            let mut sets: BTreeMap<usize, ClassUnicode> = BTreeMap::new();
            for (kind, next) in machine.next[state].iter().enumerate().filter(|(_, next)| live[**next]) {
                sets.entry(*next).or_insert_with(ClassUnicode::empty).union(&machine.kinds[kind]);
            }
            for (next, set) in sets {
                graph.add(state + 2, next + 2, Tree::Chars(set));
            }
            if machine.ends[state] {
                graph.add(state + 2, END, Tree::empty());
            }
        }
        if live[0] {
            graph.add(START, 2, Tree::empty());
        }
        graph
    }

    fn between(&self, from: usize, to: usize) -> Option<&Tree> {
        self.edges.get(&(from, to)).map(|(tree, _)| tree)
    }

    fn add(&mut self, from: usize, to: usize, tree: Tree) {
        let tree = match self.remove(from, to) {
            Some(known) => Tree::choice([known, tree]),
            None => tree,
        };
        let size = tree.size();
        self.size += size;
        self.edges.insert((from, to), (tree, size));
    }

    fn remove(&mut self, from: usize, to: usize) -> Option<Tree> {
        let (tree, size) = self.edges.remove(&(from, to))?;
        self.size -= size;
        Some(tree)
    }

    /// The state that makes the least of the rest longer when it is taken out.
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

    fn take_out(&mut self, state: usize) {
        self.states.remove(&state);
        let own = self.remove(state, state);
        let ins: Vec<usize> =
            self.edges.keys().filter(|(_, to)| *to == state).map(|(from, _)| *from).collect();
        let outs: Vec<usize> =
            self.edges.keys().filter(|(from, _)| *from == state).map(|(_, to)| *to).collect();
        let into: Vec<(usize, Tree)> =
            ins.into_iter().filter_map(|from| self.remove(from, state).map(|tree| (from, tree))).collect();
        let out: Vec<(usize, Tree)> =
            outs.into_iter().filter_map(|to| self.remove(state, to).map(|tree| (to, tree))).collect();
        let own = own.map_or_else(Tree::empty, |own| Tree::repeat(own, 0, None));
        for (from, before) in &into {
            for (to, after) in &out {
                let through = Tree::sequence([before.clone(), own.clone(), after.clone()]);
                self.add(*from, *to, through);
                if self.size > MOST {
                    return;
                }
            }
        }
    }
}

/// Which states a text can still end after.
fn live(machine: &Machine) -> Vec<bool> {
    let mut live = machine.ends.clone();
    loop {
        let mut grew = false;
        for state in 0..live.len() {
            if !live[state] && machine.next[state].iter().any(|next| live[*next]) {
                live[state] = true;
                grew = true;
            }
        }
        if !grew {
            return live;
        }
    }
}
