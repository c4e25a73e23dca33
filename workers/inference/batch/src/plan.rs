//! What the next forward pass computes.

use std::ops::Range;
use std::time::Duration;

use crate::batch::Batch;
use crate::sequence::{Sequence, SequenceId, State};

/// One step. Nothing of it counts until it is committed; a plan that could not be carried out is dropped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    pub parts: Vec<Part>,
    /// Sequences whose deadline has passed. They are gone.
    pub expired: Vec<SequenceId>,
    /// Sequences that were admitted.
    pub admitted: Vec<SequenceId>,
    /// Sequences that gave up their place and wait again.
    pub preempted: Vec<SequenceId>,
}

/// What is computed of one sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub sequence: SequenceId,
    /// Positions to compute, of [`Batch::tokens`]; all before them lie in the cache.
    pub tokens: Range<usize>,
    /// Whether the last of them tells the next token.
    pub sample: bool,
}

impl Plan {
    /// Tokens that are computed.
    pub fn tokens(&self) -> usize {
        self.parts.iter().map(|part| part.tokens.len()).sum()
    }
}

impl Batch {
    /// Says what to compute now. Every sequence that generates gets its token; what is left of the budget goes to
    /// prompts, of the tenant first that has had least.
    pub fn plan(&mut self, now: Duration) -> Plan {
        let mut plan = Plan::default();
        self.expire(now, &mut plan);
        self.grow(&mut plan);
        self.admit(now, &mut plan);
        self.share_out(&mut plan);
        plan
    }

    fn expire(&mut self, now: Duration, plan: &mut Plan) {
        while let Some(&(deadline, id)) = self.deadlines.first()
            && deadline <= now
        {
            self.remove(id);
            plan.expired.push(id);
        }
    }

    /// Gives every running sequence a block for its next token, the oldest first.
    fn grow(&mut self, plan: &mut Plan) {
        for id in self.running.iter().copied().collect::<Vec<_>>() {
            while let Some(sequence) = self.sequences.get_mut(&id) {
                let scope = sequence.scope();
                let Some(place) = sequence.crowded() else { break };
                if let Some(block) = self.blocks.take(&scope) {
                    place.blocks.push(block);
                } else if let Some(&youngest) = self.running.last() {
                    self.preempt(youngest, plan);
                }
            }
        }
    }

    /// Makes a sequence wait again. Its full blocks stay known while nobody needs the room.
    pub(crate) fn preempt(&mut self, id: SequenceId, plan: &mut Plan) {
        let Some(sequence) = self.sequences.get_mut(&id) else { return };
        if let State::Running(place) = std::mem::replace(&mut sequence.state, State::Waiting) {
            self.blocks.release(&place.blocks);
            self.tenants.preempted(&sequence.tenant, id);
            self.running.remove(&id);
            plan.admitted.retain(|admitted| *admitted != id);
            plan.preempted.push(id);
        }
    }

    fn share_out(&self, plan: &mut Plan) {
        let mut budget = self.limits.step_tokens;
        let mut prompts = Vec::new();
        for (&id, sequence) in self.running() {
            match left(sequence) {
                1 => {
                    plan.parts.push(part(id, sequence, 1));
                    budget -= 1;
                }
                _ => prompts.push((self.tenants.virtual_time(&sequence.tenant), id, sequence)),
            }
        }
        prompts.sort_by_key(|(time, id, _)| (*time, *id));
        for (_, id, sequence) in prompts {
            if budget == 0 {
                break;
            }
            let tokens = left(sequence).min(budget);
            plan.parts.push(part(id, sequence, tokens));
            budget -= tokens;
        }
    }

    pub(crate) fn running(&self) -> impl Iterator<Item = (&SequenceId, &Sequence)> {
        self.running.iter().filter_map(|id| self.sequences.get_key_value(id))
    }
}

fn computed(sequence: &Sequence) -> usize {
    sequence.place().map_or(0, |place| place.computed)
}

fn left(sequence: &Sequence) -> usize {
    sequence.tokens.len() - computed(sequence)
}

fn part(id: SequenceId, sequence: &Sequence, tokens: usize) -> Part {
    let start = computed(sequence);
    let end = start + tokens;
    Part { sequence: id, tokens: start..end, sample: end == sequence.tokens.len() }
}
